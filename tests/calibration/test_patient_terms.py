"""Published statistics of patients as terms: what a term says is how often simulated trials would publish the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from tests.trials import smallest
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.patient_cells import ConditionCell
from trialsim.calibration.patient_terms import patient_terms
from trialsim.calibration.simulator import Simulator
from trialsim.calibration.targets import Categories, Curve, LadderMedian, Median, Share, Term
from trialsim.config import PublishedStatistic, protocol_of, scenario_from_mapping
from trialsim.endpoints.published import statistic_of_patients
from trialsim.errors import ConfigurationError
from trialsim.model.protocol import Protocol
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.typing import Floats

N_PATIENTS: Final = 41
N_TRIALS: Final = 4000
OFF_OF_CURVES: Final = 0.03  # see tests/unit/test_curve_likelihood.py


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """Two dose levels, a toxicity, responses, deaths; entry over a year and cut off half a year later."""
    trial = smallest(
        accrual={"opens": "2000-01-01", "patients": N_PATIENTS, "over": "12 months"},
        treatment={
            "reference_dose": 400, "levels": [200, 400, 800], "every": "28 days",
            "rules": [{"when": {"toxicity": "any", "timing": "ever"}, "do": "keep"},
                      {"when": "tolerated", "do": "escalate"}],
        },
        disease={"sensitive": 0.6},
        assessment={"every": "14 days", "confirmation": "28 days"},
        events={
            "rash": {"kind": "toxicity", "rate": "0.15 /month", "severe": False},
            "minor response": {"kind": "minor response", "rate": "0.6 /month"},
            "partial response": {"kind": "partial response", "rate": "0.4 /month"},
            "relapse": {"kind": "relapse", "rate": "0.1 /month"},
            "progression": {"kind": "progression", "rate": "0.1 /month"},
            "death": {"kind": "death", "rate": "0.06 /month"},
        },
        cut_off={"after_last_entry": "6 months"},
    )  # fmt: skip
    return replace(protocol_of(scenario_from_mapping(trial)), dose_days=(90.0,))


@pytest.fixture(scope="module")
def table(protocol: Protocol) -> PatientTable:
    return patient_table("batch", protocol, 5, 1, N_TRIALS)


def published(**keys: Any) -> PublishedStatistic:
    return PublishedStatistic.model_validate({"printed": "so", "source": "invented", **keys})


def proportion(count: int, of: int = N_PATIENTS, **keys: Any) -> PublishedStatistic:
    return published(kind="proportion", count=count, of=of, **keys)


def terms(protocol: Protocol, statistics: dict[str, PublishedStatistic], left_out: str = "") -> list[Term]:
    return list(patient_terms(statistics, protocol, None, left_out))


def likelihood(protocol: Protocol, statistics: dict[str, PublishedStatistic]) -> float:
    """The product of the terms at the protocol's own parameters, from trials of another seed."""
    found = terms(protocol, statistics)
    cells = cells_of(found)
    simulator = Simulator(protocol, (), cells, 2000, seed=77)
    return float(np.exp(log_likelihoods(found, cells, simulator.probabilities([])).sum()))


def per_trial(protocol: Protocol, table: PatientTable, statistic: PublishedStatistic) -> Floats:
    columns = list(statistic_of_patients("x", statistic, protocol).of_trials(table).values())
    return columns[0]


def share_of_trials(hits: Any) -> tuple[float, float]:
    """How often, and how far four standard errors reach."""
    share = float(np.mean(hits))
    return share, N_STANDARD_ERRORS * float(np.sqrt(max(share * (1.0 - share), 1e-4) / len(hits)))


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"endpoint": "died", "by": "3 months"}, 7),
        ({"endpoint": "highest dose", "at_least": "800 mg/day"}, 24),
        ({"endpoint": "partial response", "by": "2 months"}, 5),
        ({"endpoint": "rash", "among": "best_response < 1"}, 8),
        ({"endpoint": "relapse or progression", "by": "2 months"}, 6),
    ],
)
def test_a_share_is_as_likely_as_simulated_trials_have_it(
    keys: dict[str, Any], count: int, protocol: Protocol, table: PatientTable
) -> None:
    """Among a part of the patients, whose number varies, the probability is that given their number."""
    measured = statistic_of_patients("x", proportion(count, **keys), protocol).of_trials(table)
    counts, of = measured.values()
    n = N_PATIENTS if (of == N_PATIENTS).all() else int(np.median(of))
    statistic = proportion(count, n, **keys)
    hits = counts[of == n] == statistic.count
    share, error = share_of_trials(hits)
    assert likelihood(protocol, {"x": statistic}) == pytest.approx(share, abs=error + 0.002)
    assert share > 0.02


@pytest.mark.parametrize(
    "keys",
    [
        {"endpoint": "treatment time", "value": "6 months", "rounded_to": "1 months"},
        {"endpoint": "treatment time", "value": "26 weeks", "rounded_to": "4 weeks"},
        {"endpoint": "total dose", "value": "90 g", "rounded_to": "20 g"},
        {"endpoint": "total dose", "by": "90 days", "value": "30 g", "rounded_to": "4 g"},
        {"endpoint": "highest dose", "value": "800 mg/day", "rounded_to": "100 mg/day"},
    ],
)
def test_a_median_of_what_is_known_of_everyone_is_as_likely(
    keys: dict[str, Any], protocol: Protocol, table: PatientTable
) -> None:
    statistic = published(kind="median", **keys)
    values, rounded = per_trial(protocol, table, statistic), statistic.rounded_median
    assert rounded is not None
    half = rounded.rounded_to / 2.0
    share, error = share_of_trials((values >= rounded.value - half) & (values < rounded.value + half))
    assert likelihood(protocol, {"x": statistic}) == pytest.approx(share, abs=error + 0.01)
    assert share > 0.05


@pytest.mark.parametrize(("value", "among"), [("600 mg/day", "died"), ("800 mg/day", "died"), ("600 mg/day", "all")])
def test_a_median_of_an_even_number_on_the_ladder_is_as_likely(
    value: str, among: str, protocol: Protocol, table: PatientTable
) -> None:
    """It may lie between two rungs. Of those who died the probability is that given how many did."""
    keys: dict[str, Any] = {"kind": "median", "endpoint": "highest dose", "value": value, "rounded_to": "100 mg/day"}
    if among == "all":
        protocol = replace(protocol, accrual=replace(protocol.accrual, n_patients=40))
        table = patient_table("batch", protocol, 5, 1, N_TRIALS)
    else:
        keys |= {"among": "not missing(death_days)", "of": 10}
    statistic = published(**keys)
    (term,) = terms(protocol, {"x": statistic})
    assert isinstance(term, LadderMedian)
    assert (term.rungs, term.n) == ((200.0, 400.0, 800.0), statistic.of or 40)
    values = per_trial(protocol, table, statistic)
    if among != "all":
        died = ~np.isnan(table["death_days"])
        values = values[np.bincount(table.replicate[died], minlength=table.n) == statistic.of]
    share, error = share_of_trials(values == statistic.published)
    assert likelihood(protocol, {"x": statistic}) == pytest.approx(share, abs=error + 0.01)
    assert share > 0.02


@pytest.mark.parametrize(
    "keys",
    [
        {"endpoint": "average dose", "value": "430 mg/day", "rounded_to": "20 mg/day"},
        {"endpoint": "treatment time", "value": "150 days", "rounded_to": "10 days"},
    ],
)
def test_a_mean_is_as_likely(keys: dict[str, Any], protocol: Protocol, table: PatientTable) -> None:
    """Normal by the central limit theorem, within 0.01 for 41 patients."""
    statistic = published(kind="mean", **keys)
    values = per_trial(protocol, table, statistic)
    share, error = share_of_trials(np.abs(values - statistic.published) < statistic.rounding / 2.0)
    assert likelihood(protocol, {"x": statistic}) == pytest.approx(share, abs=error + 0.01)
    assert share > 0.05


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "median", "endpoint": "progression-free", "value": "4 months", "rounded_to": "1 months"},
        {"kind": "median", "endpoint": "survival", "value": "12 months", "rounded_to": "4 months"},
        {"kind": "median", "endpoint": "survival", "not_reached_by": "10 months"},
        {"kind": "landmark", "endpoint": "survival", "at": "9 months", "value": "60 %", "rounded_to": "10 %"},
        {"kind": "landmark", "endpoint": "rash", "at": "9 months", "value": "55 %", "rounded_to": "10 %"},
        {"kind": "landmark", "endpoint": "progression-free", "at": "6 months", "value": "35 %", "rounded_to": "10 %"},
    ],
)
def test_figures_of_curves_are_as_likely(keys: dict[str, Any], protocol: Protocol, table: PatientTable) -> None:
    statistic = published(**keys)
    values = per_trial(protocol, table, statistic)
    value, half = statistic.published, statistic.rounding / 2.0
    hits = values == 1.0 if statistic.not_reached_by is not None else (values >= value - half) & (values < value + half)
    share, error = share_of_trials(hits[~np.isnan(values)])
    assert likelihood(protocol, {"x": statistic}) == pytest.approx(share, abs=error + OFF_OF_CURVES)
    assert share > 0.05


def test_shares_within_one_another_are_one_multinomial_term(protocol: Protocol, table: PatientTable) -> None:
    """How often trials have both counts, not the product of how often they have each."""
    both = {
        "reached 800": proportion(24, endpoint="highest dose", at_least="800 mg/day"),
        "reached 400": proportion(31, endpoint="highest dose", at_least="400 mg/day"),
    }
    (term,) = terms(protocol, both)
    assert isinstance(term, Categories)
    assert (term.counts, term.n) == ((7, 24), N_PATIENTS)
    is_24, is_31 = (per_trial(protocol, table, one) == one.count for one in both.values())
    share, error = share_of_trials(is_24 & is_31)
    assert likelihood(protocol, both) == pytest.approx(share, abs=error + 0.001)
    alone = [likelihood(protocol, {name: one}) for name, one in both.items()]
    assert likelihood(protocol, both) > 1.2 * alone[0] * alone[1]


def test_days_are_ordered_from_the_last_to_the_first(protocol: Protocol) -> None:
    def found(week_3: int, week_5: int) -> list[Term]:
        counts = {"3 weeks": week_3, "5 weeks": week_5}
        keys: dict[str, Any] = {"endpoint": "any response", "among": "responders"}
        return terms(protocol, {by: proportion(count, 20, by=by, **keys) for by, count in counts.items()})

    (term,) = found(14, 18)
    assert isinstance(term, Categories)
    assert (term.counts, term.n) == ((4, 14), 20)
    with pytest.raises(ConfigurationError, match="fewer patients"):
        found(18, 14)


@pytest.mark.parametrize(
    ("counts", "left_out", "kept"),
    [
        ({"any response": 27, "partial response": 21}, "", (6, 21)),
        ({"any response": 27, "minor response": 6}, "", (6, 21)),
        ({"partial response": 21, "minor response": 6}, "", (6, 21)),
        ({"any response": 27, "partial response": 21, "minor response": 6}, "", (6, 21)),
        ({"any response": 27, "partial response": 21, "minor response": 6}, "minor response", (27,)),
        ({"any response": 27, "partial response": 21, "minor response": 6}, "partial response", (27,)),
        ({"any response": 27, "partial response": 21, "minor response": 6}, "any response", (21,)),
        ({"any response": 27, "partial response": 21}, "any response", (21,)),
        ({"minor response": 6}, "", (6,)),
        ({"any response": 18, "partial response": 11, "confirmed partial response": 10}, "", (7, 1, 10)),
        ({"any response": 18, "confirmed partial response": 10}, "", (8, 10)),
        ({"minor response": 7, "confirmed partial response": 10}, "", (7, 10)),
        ({"confirmed partial response": 10}, "", (10,)),
        ({"any response": 18, "partial response": 11, "confirmed partial response": 10}, "any response", (1, 10)),
        ({"any response": 18, "partial response": 11, "confirmed partial response": 10}, "partial response", (8, 10)),
        (
            {"any response": 18, "partial response": 11, "confirmed partial response": 10},
            "confirmed partial response",
            (7, 11),
        ),
    ],
)
def test_responses_of_the_enrolled_are_one_term(
    counts: dict[str, int], left_out: str, kept: tuple[int, ...], protocol: Protocol
) -> None:
    statistics = {name: proportion(count, endpoint=name) for name, count in counts.items()}
    (term,) = terms(protocol, statistics, left_out)
    assert (term.counts if isinstance(term, Categories) else (term.k,)) == kept  # type: ignore[union-attr]


def test_responses_must_add_up(protocol: Protocol) -> None:
    counts = {"any response": 27, "partial response": 20, "minor response": 6}
    with pytest.raises(ConfigurationError, match="do not add up"):
        terms(protocol, {name: proportion(count, endpoint=name) for name, count in counts.items()})


def test_figures_of_one_curve_are_one_term_in_the_order_of_their_days(protocol: Protocol) -> None:
    keys: dict[str, Any] = {"kind": "landmark", "endpoint": "survival", "rounded_to": "1 %"}
    statistics = {
        "median": published(kind="median", endpoint="survival", value="12 months", rounded_to="1 months"),
        "a year and a half": published(at="18 months", value="30 %", **keys),
        "half a year": published(at="6 months", value="70 %", **keys),
        "without progression": published(at="6 months", value="50 %", **{**keys, "endpoint": "progression-free"}),
    }
    found = terms(protocol, statistics)
    others = ("without progression",)
    assert [term.quantities for term in found] == [("half a year", "median", "a year and a half"), others]
    assert all(isinstance(term, Curve) and term.n == N_PATIENTS for term in found)
    less = terms(protocol, statistics, "median")
    assert [term.quantities for term in less] == [("half a year", "a year and a half"), others]


def test_the_number_of_patients_is_asked_for_where_it_is_not_everyone(protocol: Protocol) -> None:
    keys: dict[str, Any] = {
        "kind": "median",
        "endpoint": "relapse-free",
        "value": "12 months",
        "rounded_to": "1 months",
    }
    with pytest.raises(ConfigurationError, match=r"of how many patients(.|\n)*`of`"):
        terms(protocol, {"duration": published(**keys)})
    (term,) = terms(protocol, {"duration": published(**keys, of=10)})
    assert isinstance(term, Curve)
    assert term.n == 10


def test_a_median_of_everyone_is_taken_given_how_many_were_evaluable(protocol: Protocol) -> None:
    statistic = {"time": published(kind="median", endpoint="treatment time", value="80 days", rounded_to="1 days")}
    (term,) = patient_terms(statistic, protocol, 30)
    assert isinstance(term, Median)
    assert (term.n, term.n_evaluable, len(term.cells)) == (N_PATIENTS, 30, 4)
    (part,) = patient_terms(
        {"time": statistic["time"].model_copy(update={"among": "evaluable", "of": 30})}, protocol, 30
    )
    assert isinstance(part, Median)
    assert (part.n, part.n_evaluable, len(part.cells)) == (30, None, 2)


def test_a_statistic_of_a_trial_is_no_term_of_patients(tosi2000: ts.Scenario) -> None:
    assert list(patient_terms(tosi2000.published_statistics, protocol_of(tosi2000))) == []
    (term,) = patient_terms({"x": proportion(3, endpoint="died", by="3 weeks")}, protocol_of(tosi2000))
    assert isinstance(term, Share)
    assert isinstance(term.cells[0], ConditionCell)


def test_a_median_without_censoring_is_most_likely_at_the_rate_that_gives_it() -> None:
    """Exponential survival with a median of 8 months: ln 2 / 8 a month, to one step of a grid."""
    statistic = {"survival": published(kind="median", value="8 months", rounded_to="0.8 months", of=N_PATIENTS)}
    rates = np.log(2.0) / 8.0 * np.exp(np.linspace(-0.6, 0.6, 13))
    found = []
    for rate in rates:
        death = {"kind": "death", "rate": f"{rate} /month"}
        protocol = protocol_of(
            scenario_from_mapping(smallest(events={"death": death}, cut_off={"after_opening": "600 months"}))
        )
        found.append(likelihood(protocol, statistic))
    assert rates[int(np.argmax(found))] == pytest.approx(np.log(2.0) / 8.0, rel=0.11)  # one step of the grid
    density = found[6] / 0.8  # per month, of the sample median: normal with sd 1 / (2 f sqrt(n)), f at the median
    f = np.log(2.0) / 8.0 / 2.0
    expected = 1.0 / (np.sqrt(2.0 * np.pi) / (2.0 * f * np.sqrt(N_PATIENTS)))
    assert density == pytest.approx(expected, rel=0.03)
