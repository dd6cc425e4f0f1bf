"""Priors and the scale of scores, against SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialsim.calibration.prior import Marginal, prior_of
from trialsim.config import load_parameters
from trialsim.errors import ConfigurationError

Z = np.linspace(-3.5, 3.5, 29)
RATE = Marginal("rate", "/month", "lognormal", 0.12, 0.7)
SHARE = Marginal("share", "", "logit-normal", 0.5, 1.0)
EXPONENT = Marginal("exponent", "", "normal", 0.15, 0.15, 0.0)


@pytest.mark.parametrize(
    ("marginal", "distribution"),
    [
        (RATE, stats.lognorm(0.7, scale=0.12)),
        (EXPONENT, stats.truncnorm(-1.0, np.inf, loc=0.15, scale=0.15)),
        (Marginal("free", "", "normal", 2.0, 0.5), stats.norm(2.0, 0.5)),
    ],
)
def test_scores_are_quantiles_of_the_prior(marginal: Marginal, distribution: object) -> None:
    assert marginal.values(Z) == pytest.approx(distribution.ppf(stats.norm.cdf(Z)), rel=1e-9)  # type: ignore[attr-defined]


def test_a_logit_normal_has_its_median_and_its_sd_on_the_logit_scale() -> None:
    values = Marginal("share", "", "logit-normal", 0.3, 0.8).values(np.array([0.0, 1.0]))
    assert values[0] == pytest.approx(0.3)
    assert np.log(values[1] / (1 - values[1])) - np.log(0.3 / 0.7) == pytest.approx(0.8)


@given(st.sampled_from([RATE, SHARE, EXPONENT]), st.floats(-5.0, 5.0))
def test_values_and_scores_go_back_and_forth(marginal: Marginal, z: float) -> None:
    assert float(marginal.scores(marginal.values(np.array([z])))[0]) == pytest.approx(z, abs=1e-6)


def test_a_truncated_prior_never_gives_a_value_below_its_bound() -> None:
    assert np.all(EXPONENT.values(np.linspace(-8.0, 8.0, 200)) > 0.0)


def test_fixed_parameters_are_left_out_and_unknown_ones_are_named() -> None:
    found = load_parameters("tosi2000")
    prior = prior_of(found, ("rash rate", "rash dose exponent", "cut off"))
    assert prior.names == ("rash rate", "cut off")
    assert prior.units == ("/month", "months")
    with pytest.raises(ConfigurationError, match="neuropathy rate"):
        prior_of(found, ("neuropathy rate",))


def test_the_width_stretches_every_standard_deviation() -> None:
    found = load_parameters("tosi2000")
    narrow, wide = (prior_of(found, ("rash rate",), width).marginals[0].sd for width in (0.5, 2.0))
    assert (narrow, wide) == (0.35, 1.4)
