"""A posterior as a prior: its marginals, its dependence, and the next posterior against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.drawn_prior import MIN_DRAWS, DrawnMarginal, prior_with_draws
from trialsim.calibration.prior import Copula, JointPrior, Marginal, log_density
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.config.schema.quantities import Probability, Rate
from trialsim.config.schema.quantity import Quantity
from trialsim.errors import OptionError
from trialsim.typing import Floats

RATE = Marginal("rate", "/month", "lognormal", 0.12, 0.7)
SHARE = Marginal("share", "", "logit-normal", 0.5, 1.0)
OTHER = Marginal("other", "/month", "lognormal", 0.05, 0.6)
PRIOR = JointPrior((RATE, OTHER, SHARE))
KINDS: dict[str, type[Quantity]] = {"rate": Rate, "share": Probability, "other": Rate}
N = 4000
MEAN, SDS, CORRELATION = np.array([0.4, -0.7]), np.array([0.5, 0.3]), 0.8
# of a quantile between knots: the error of the quantile itself, and what a cubic between knots 0.4 apart may add
INTERPOLATION = 0.03
ERROR_OF_LIMIT = 0.035  # of a limit of the next posterior, in its sd: what it varies by between sets of 4,000 draws


def normal_draws(n: int = N, seed: int = 1) -> Floats:
    """Scores of the rate and the share: normal, and depending on each other."""
    random = np.random.default_rng(seed)
    covariance = np.outer(SDS, SDS) * np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
    return np.asarray(MEAN + random.standard_normal((n, 2)) @ np.linalg.cholesky(covariance).T)


def table(scores: Floats, unit: str = "/month", factor: float = 1.0) -> ParameterTable:
    values = np.column_stack([RATE.values(scores[:, 0]) * factor, SHARE.values(scores[:, 1])])
    return ParameterTable("earlier", ("rate", "share"), (unit, ""), values)


def drawn(scores: Floats, width: float = 1.0) -> JointPrior:
    return prior_with_draws(PRIOR, table(scores), KINDS, width)


def test_marginals_and_dependence_are_those_of_the_draws() -> None:
    scores = normal_draws()
    prior = drawn(scores)
    z = np.random.default_rng(2).standard_normal((100_000, 3))
    again = PRIOR.scores(prior.values(z))[:, [0, 2]]
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        expected = MEAN + SDS * ndtri(p)
        error = SDS * np.sqrt(p * (1 - p)) / stats.norm.pdf(ndtri(p)) * np.sqrt(1 / N + 1 / len(z))
        allowed = N_STANDARD_ERRORS * error + INTERPOLATION * SDS
        assert np.all(np.abs(np.quantile(again, p, axis=0) - expected) < allowed), p
    error = (1 - CORRELATION**2) / np.sqrt(N)
    assert np.atleast_2d(np.corrcoef(again.T))[0, 1] == pytest.approx(CORRELATION, abs=N_STANDARD_ERRORS * error + 0.01)


def test_what_the_draws_lack_keeps_its_prior_and_is_independent() -> None:
    prior = drawn(normal_draws())
    assert prior.names == PRIOR.names
    assert prior.marginals[1] == OTHER
    z = np.random.default_rng(3).standard_normal((50, 3))
    scores = prior.marginal_scores(z)
    assert scores[:, 1] == pytest.approx(z[:, 1])
    assert prior.copula is not None
    assert prior.copula.correlation[1].tolist() == [0.0, 1.0, 0.0]


@given(z=st.lists(st.floats(-6.0, 6.0), min_size=3, max_size=3), seed=st.integers(0, 5))
def test_values_and_scores_go_back_and_forth(z: list[float], seed: int) -> None:
    prior = drawn(normal_draws(300, seed))
    assert prior.scores(prior.values(np.array(z))) == pytest.approx(np.array(z), abs=1e-6)


@given(seed=st.integers(0, 20), n=st.sampled_from([MIN_DRAWS, 300, N]))
def test_a_marginal_rises_and_its_tails_are_straight(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.column_stack([random.standard_t(3, n), random.gamma(0.7, size=n)])  # far from normal, and skew
    for marginal in drawn(scores).marginals[::2]:
        assert isinstance(marginal, DrawnMarginal)
        z = np.linspace(-8.0, 8.0, 801)
        values = marginal.quantile_map.forward(z)
        assert np.all(np.diff(values) > 0.0)
        assert np.diff(values[:200], 2) == pytest.approx(0.0, abs=1e-9)
        assert np.diff(values[-200:], 2) == pytest.approx(0.0, abs=1e-9)


def test_prior_then_one_part_of_the_data_then_the_other_is_both_at_once() -> None:
    """Normal likelihoods of linear combinations of scores, whose posterior is known: mean and covariance."""
    first, second = np.array([[1.0, 1.0]]) / 0.4, np.array([[0.0, 1.0]]) / 0.5
    y = (1.2, -0.8)
    precision = np.eye(2) + first.T @ first
    between = np.random.default_rng(4).multivariate_normal(
        np.linalg.solve(precision, first[0] * y[0]), np.linalg.inv(precision), N
    )
    prior = drawn(between)
    z = np.random.default_rng(5).standard_normal((200_000, 3))
    scores = PRIOR.scores(prior.values(z))[:, [0, 2]]
    weights = np.exp(-0.5 * (second[0] @ scores.T - y[1]) ** 2)
    weights /= weights.sum()
    at_once = precision + second.T @ second
    covariance = np.linalg.inv(at_once)
    mean = covariance @ (first[0] * y[0] + second[0] * y[1])
    found = weights @ scores
    sds = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(found - mean) / sds < N_STANDARD_ERRORS * np.sqrt(2.0 / N) + INTERPOLATION)
    deviations = scores - found
    again = (weights[:, None] * deviations).T @ deviations
    assert again / np.outer(sds, sds) == pytest.approx(covariance / np.outer(sds, sds), abs=0.1)


def test_a_share_of_patients_seen_twice_is_the_beta_posterior_of_all() -> None:
    """12 of 40 and then 15 of 40 under a uniform prior: the posterior is beta with 28 and 54."""
    uniform = Marginal("share", "", "logit-normal", 0.5, 1.0)
    draws = ParameterTable("earlier", ("share",), ("",), np.random.default_rng(6).beta(13, 29, (N, 1)))
    prior = prior_with_draws(JointPrior((uniform,)), draws, KINDS)
    z = np.linspace(-6.0, 6.0, 2001)[:, None]
    share = prior.values(z)[:, 0]
    log_weights = log_density(z) + 15 * np.log(share) + 25 * np.log1p(-share)
    weights = np.exp(log_weights - log_weights.max())
    cumulative = np.cumsum(weights) / weights.sum()
    expected = stats.beta(28, 54)
    for p in (0.05, 0.5, 0.95):
        limit = float(np.interp(p, cumulative, share))
        assert limit == pytest.approx(expected.ppf(p), abs=N_STANDARD_ERRORS * ERROR_OF_LIMIT * expected.std()), p


def test_a_width_multiplies_scores_about_the_median_and_leaves_the_dependence() -> None:
    scores = normal_draws()
    narrow, plain = drawn(scores, 0.5), drawn(scores)
    z = np.array([[0.0, 0.0, 0.0], [1.2, -0.3, 2.0]])
    assert narrow.values(z)[0] == pytest.approx(plain.values(z)[0])
    assert narrow.values(2.0 * z)[1, [0, 2]] == pytest.approx(plain.values(z)[1, [0, 2]])
    assert narrow.copula is not None
    assert plain.copula is not None
    assert np.array_equal(narrow.copula.correlation, plain.copula.correlation)


def test_units_are_converted_where_they_are_of_one_kind() -> None:
    scores = normal_draws()
    days = prior_with_draws(PRIOR, table(scores, "/day", Rate.units["/month"] / Rate.units["/day"]), KINDS)
    z = np.random.default_rng(7).standard_normal((20, 3))
    assert days.values(z) == pytest.approx(drawn(scores).values(z))


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        (table(normal_draws(MIN_DRAWS - 1)), "it has 99 draws"),
        (table(normal_draws(), unit="months"), r"rate is in months; its prior is in /month"),
        (replace(table(normal_draws()), names=("a", "b")), "no parameter of this calibration"),
        (replace(table(normal_draws()), names=("share", "rate")), "which its logit-normal prior excludes|is in"),
        (table(np.round(normal_draws())), "many draws of rate have one value"),
    ],
)
def test_draws_that_cannot_be_a_prior_are_refused(draws: ParameterTable, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        prior_with_draws(PRIOR, draws, KINDS)


def test_parameters_that_depend_on_each_other_exactly_stay_a_distribution() -> None:
    scores = normal_draws()
    scores[:, 1] = scores[:, 0]
    prior = drawn(scores)
    z = np.random.default_rng(8).standard_normal((100, 3))
    assert prior.scores(prior.values(z)) == pytest.approx(z, abs=1e-6)


def test_roots_of_a_copula_are_inverse_and_symmetric() -> None:
    copula = Copula(np.array([[1.0, 0.6], [0.6, 1.0]]))
    assert copula.root @ copula.root == pytest.approx(copula.correlation)
    assert copula.root @ copula.inverse_root == pytest.approx(np.eye(2), abs=1e-12)
    assert copula.root == pytest.approx(copula.root.T)
