"""Effects of baseline values on sensitivity, and correlated baseline values, against closed forms.

A share or a correlation is no further from its expectation than 4 standard errors, for any seed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import N_STANDARD_ERRORS
from tests.trials import scenario_of
from trialsim.config import protocol_of
from trialsim.records.baseline import Enrolled, baseline_values
from trialsim.typing import Flags, Floats

SEED = 20261126
N = 40_000
BEYOND_4_ERRORS = 2 * float(stats.norm.sf(N_STANDARD_ERRORS))
PATIENTS = Enrolled(np.ones(N, np.int64), np.arange(1, N + 1), np.zeros(N))
POPULATION: dict[str, Any] = {
    "sex": {"male": 17, "female": 10},
    "age": {"median": "60 years", "sd": "9 years"},
    "stage": {"I": 1, "II": 2, "III": 3},
    "marker": {"distribution": "lognormal", "median": "4.4 mg/L", "sd": 0.6},
    "old": {"median": "60 years", "sd": "9 years", "lowest": "50 years", "highest": "75 years"},
}
CORRELATIONS = [
    {"between": ["age", "marker"], "correlation": 0.3},
    {"between": ["marker", "stage"], "correlation": 0.6},
    {"between": ["old", "age"], "correlation": -0.5},
]


def columns(**sections: Any) -> dict[str, Floats]:
    """The baseline of 40,000 patients, categories as codes."""
    protocol = protocol_of(scenario_of(population=POPULATION, **sections))
    found = {name: baseline_values(f"baseline.{name}", protocol, SEED, PATIENTS) for name in POPULATION}
    return {**found, "is_sensitive": baseline_values("is_sensitive", protocol, SEED, PATIENTS)}


def assert_share(found: Flags, expected: float) -> None:
    """An exact binomial test of a share of independent patients."""
    assert stats.binomtest(int(found.sum()), len(found), expected).pvalue > BEYOND_4_ERRORS


def shifted(probability: float, odds_ratio: float) -> float:
    """A probability whose odds are multiplied."""
    odds = odds_ratio * probability / (1.0 - probability)
    return odds / (1.0 + odds)


def test_each_category_has_its_own_probability_of_being_sensitive() -> None:
    effects = {"stage": {"odds_ratios": {"II": 2.5, "III": 0.5}}, "sex": {"odds_ratios": {"female": 0.4}}}
    found = columns(disease={"sensitive": 0.6, "effects": effects})
    for stage, stage_ratio in enumerate((1.0, 2.5, 0.5)):
        for sex, sex_ratio in enumerate((1.0, 0.4)):
            patients = (found["stage"] == stage) & (found["sex"] == sex)
            assert_share(found["is_sensitive"][patients] > 0.0, shifted(0.6, stage_ratio * sex_ratio))


@pytest.mark.parametrize("reference", [60.0, 50.0])
def test_the_log_odds_of_being_sensitive_are_linear_in_a_continuous_value(reference: float) -> None:
    """The expected share is the integral of the logistic function over the distribution of age."""
    written = {"odds_ratio": 0.5, "per": "10 years"} | ({} if reference == 60.0 else {"reference": "50 years"})
    found = columns(disease={"sensitive": 0.3, "effects": {"age": written}})
    for low, high in ((0.0, 50.0), (50.0, 60.0), (60.0, 70.0), (70.0, 120.0)):
        ages = np.linspace(max(low, 0.0), high, 20_001)
        density = stats.norm(60, 9).pdf(ages)
        expected = np.average(shifted_many(0.3, 0.5 ** ((ages - reference) / 10.0)), weights=density)
        patients = (found["age"] > low) & (found["age"] < high)
        assert_share(found["is_sensitive"][patients] > 0.0, float(expected))


def shifted_many(probability: float, odds_ratios: Floats) -> Floats:
    """`shifted` for many odds ratios."""
    odds = odds_ratios * probability / (1.0 - probability)
    return np.asarray(odds / (1.0 + odds))


def test_who_is_sensitive_without_effects_stays_so_where_all_ratios_are_1() -> None:
    plain = columns(disease={"sensitive": 0.3})
    neutral = columns(disease={"sensitive": 0.3, "effects": {"age": {"odds_ratio": 1, "per": "10 years"}}})
    assert np.array_equal(plain["is_sensitive"], neutral["is_sensitive"])


def test_scores_have_the_correlations_that_are_written_and_none_otherwise() -> None:
    """Fisher's z of a correlation of normal scores has the standard error 1/sqrt(n - 3)."""
    found = columns(correlations=CORRELATIONS)
    share = stats.norm(60, 9).cdf
    old = (share(found["old"]) - share(50)) / (share(75) - share(50))
    scores = {"age": found["age"], "marker": np.log(found["marker"]), "old": stats.norm.ppf(old)}
    for first, second, expected in (("age", "marker", 0.3), ("old", "age", -0.5), ("old", "marker", 0.0)):
        correlation = np.corrcoef(scores[first], scores[second])[0, 1]
        z = (math.atanh(correlation) - math.atanh(expected)) * math.sqrt(N - 3)
        assert abs(z) < N_STANDARD_ERRORS


def test_a_category_is_correlated_by_the_normal_score_of_its_number() -> None:
    """The share in a category and below a value is a probability of the bivariate normal distribution."""
    found = columns(correlations=CORRELATIONS)
    normal = stats.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]])
    for stage, share in ((0, 1 / 6), (1, 1 / 2)):
        for value in (3.0, 4.4, 6.0):
            both = (found["stage"] <= stage) & (found["marker"] < value)
            expected = normal.cdf([stats.norm.ppf(share), math.log(value / 4.4) / 0.6])
            assert_share(both, float(expected))


def test_correlated_values_keep_their_margins() -> None:
    found = columns(correlations=CORRELATIONS)
    margins = {
        "age": stats.norm(60, 9),
        "marker": stats.lognorm(0.6, scale=4.4),
        "old": stats.truncnorm(-10 / 9, 15 / 9, loc=60, scale=9),
    }
    for name, margin in margins.items():
        assert stats.kstest(found[name], margin.cdf).pvalue > BEYOND_4_ERRORS
    for stage, share in enumerate((1 / 6, 1 / 3, 1 / 2)):
        assert_share(found["stage"] == stage, share)


def test_a_value_changes_only_where_it_is_correlated_with_one_above_it() -> None:
    """To the bit: sex has no correlation, and what age is correlated with stands below it."""
    plain, correlated = columns(), columns(correlations=CORRELATIONS)
    same = {name for name in POPULATION if plain[name].tobytes() == correlated[name].tobytes()}
    assert same == {"sex", "age", "stage"}
    assert plain["is_sensitive"].tobytes() == correlated["is_sensitive"].tobytes()


def test_the_order_of_the_correlations_and_of_their_names_does_not_matter() -> None:
    turned = [{**item, "between": item["between"][::-1]} for item in reversed(CORRELATIONS)]  # type: ignore[index]
    found, other = columns(correlations=CORRELATIONS), columns(correlations=turned)
    assert all(found[name].tobytes() == other[name].tobytes() for name in found)
