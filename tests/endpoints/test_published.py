"""Published statistics that are measured in patients: each number of a trial, against the patients one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trialsim as ts
from trialsim.config import PublishedStatistic, protocol_of
from trialsim.endpoints.published import PatientStatistic, statistic_of_patients
from trialsim.endpoints.survival import curves_at, medians_of, survival_and_greenwood, survival_at
from trialsim.errors import RequestError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.engine import event_logs
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.typing import Floats

SEED, N_TRIALS = 12, 40


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """The shipped trial, observed long enough for half of the patients to die in most trials."""
    return protocol_of(
        ts.load_scenario("tosi2000", {"cut_off": {"after_opening": None, "after_last_entry": "12 months"}})
    )


@pytest.fixture(scope="module")
def table(protocol: Protocol) -> PatientTable:
    return patient_table("batch", protocol, SEED, 1, N_TRIALS)


def statistic(protocol: Protocol, quantity: str = "x", **keys: Any) -> PatientStatistic:
    published = PublishedStatistic.model_validate({"printed": "so", "source": "invented", **keys})
    assert published.trial_statistic(quantity) is None
    return statistic_of_patients(quantity, published, protocol)


def numbers(found: PatientStatistic, table: PatientTable) -> Floats:
    values = found.of_trials(table)
    assert tuple(values) == found.columns
    several = list(values.values())
    return several[0] / several[1] if len(several) == 2 else several[0]


def by_trial(table: PatientTable, *columns: str) -> list[list[Floats]]:
    return [[table[name][table.replicate == i] for name in columns] for i in range(table.n)]


def test_events_by_a_day_are_counted_among_everyone(protocol: Protocol, table: PatientTable) -> None:
    found = statistic(protocol, kind="proportion", endpoint="died", by="3 months", count=3, of=23)
    assert found.name == "died by 3 months"
    expected = [float(np.mean(death <= 3 * DAYS_PER_MONTH)) for (death,) in by_trial(table, "death_days")]
    assert numbers(found, table) == pytest.approx(expected)
    assert 0.0 < np.mean(expected) < 1.0


def test_early_responses_are_counted_among_the_responders(protocol: Protocol, table: PatientTable) -> None:
    keys: dict[str, Any] = {"kind": "proportion", "by": "2 months", "value": "78 %", "of": 27}
    found = statistic(protocol, endpoint="any response", among="responders", **keys)
    expected = [
        float(np.mean(seen[(evaluable > 0) & (best >= 1)] <= 2 * DAYS_PER_MONTH))
        for seen, evaluable, best in by_trial(table, "response_seen_days", "is_evaluable", "best_response")
    ]
    assert numbers(found, table) == pytest.approx(expected)
    assert found.name == "any response by 2 months of the responders"


def test_a_statistic_of_a_trial_lends_its_name_and_its_denominator(protocol: Protocol, table: PatientTable) -> None:
    keys: dict[str, Any] = {"kind": "proportion", "by": "2 months", "count": 5, "of": 20}
    found = statistic(protocol, "response.partial", **keys)
    assert found.name == "partial response by 2 months of the evaluable"
    same = statistic(protocol, endpoint="partial response", among="evaluable", **keys)
    assert numbers(found, table) == pytest.approx(numbers(same, table))


def test_shares_that_reached_a_dose(protocol: Protocol, table: PatientTable) -> None:
    found = statistic(protocol, kind="proportion", endpoint="highest dose", at_least="700 mg/day", count=3, of=23)
    expected = [float(np.mean(dose >= 700.0)) for (dose,) in by_trial(table, "highest_dose_mg_per_day")]
    assert numbers(found, table) == pytest.approx(expected)
    assert 0.0 < np.mean(expected) < 1.0


@pytest.mark.parametrize(
    ("keys", "column", "per_unit"),
    [
        ({"endpoint": "treatment time", "value": "80 days", "rounded_to": "1 days"}, "treatment_days", 1.0),
        ({"endpoint": "treatment time", "value": "23 weeks", "rounded_to": "1 weeks"}, "treatment_days", 7.0),
        ({"endpoint": "follow-up", "value": "5 months", "rounded_to": "1 months"}, "follow_up_days", DAYS_PER_MONTH),
        ({"endpoint": "total dose", "value": "42 g", "rounded_to": "1 g"}, "total_dose_mg", 1000.0),
    ],
)
def test_medians_of_what_is_known_of_everyone_are_those_of_the_sample(
    keys: dict[str, str], column: str, per_unit: float, protocol: Protocol, table: PatientTable
) -> None:
    found = statistic(protocol, kind="median", **keys)
    expected = [float(np.nanmedian(values)) / per_unit for (values,) in by_trial(table, column)]
    assert numbers(found, table) == pytest.approx(expected)
    assert found.unit == keys["value"].split()[1]


@pytest.fixture(scope="module")
def engine_tables() -> dict[str, PatientTable]:
    """Six trials of a cohort that publishes grams by a day, from either engine."""
    grams = {"kind": "median", "endpoint": "total dose", "by": "2 months", "value": "15 g", "rounded_to": "1 g"}
    statistics = {"grams": {"printed": "15 g", "source": "invented", **grams}}
    cohort = {"name": "grams", "title": "grams", "citation": "nobody", "statistics": statistics}
    changes = {"cohort": cohort, "interpretations": None, "parameters": {"use": "mode", "calibrated_to": "tosi2000"}}
    protocol = protocol_of(ts.load_scenario("tosi2000", changes))
    assert protocol.dose_days == (2 * DAYS_PER_MONTH,)
    return {engine: patient_table(engine, protocol, SEED, 1, 6) for engine in ("batch", "reference")}


def test_grams_by_a_day_are_those_of_the_log(engine_tables: dict[str, PatientTable]) -> None:
    """Both engines, to the bit; and as the event log has it, dose by dose."""
    found = engine_tables["batch"]["dose_by.60.875"]
    assert np.array_equal(found, engine_tables["reference"]["dose_by.60.875"], equal_nan=True)
    events = event_logs("batch", engine_tables["batch"].protocol, SEED, range(1, 7))
    is_change = (events["event"] == v.FIRST_DOSE) | (
        (events["event"] == v.DECISION) & (events["dose_to_mg_per_day"] != events["dose_from_mg_per_day"])
    )
    expected = []
    for _, log in events.assign(is_change=is_change).groupby(["replicate", "patient"]):
        changes = log[log["is_change"]].sort_values("study_day", kind="stable")
        end = log.loc[log["event"].isin((v.TREATMENT_ENDED, v.OBSERVATION_ENDED)), "study_day"].min()
        edges = np.minimum([*changes["study_day"], end], 2 * DAYS_PER_MONTH)
        if (log["event"] == v.ENROLLED).any():
            expected.append(float(np.sum(np.diff(edges) * changes["dose_to_mg_per_day"])) if len(changes) else np.nan)
    assert found == pytest.approx(np.array(expected), nan_ok=True)
    assert (found < engine_tables["batch"]["total_dose_mg"]).mean() > 0.5


def test_their_median_and_share_are_those_of_the_sample(engine_tables: dict[str, PatientTable]) -> None:
    table = engine_tables["batch"]
    keys: dict[str, Any] = {"endpoint": "total dose", "by": "2 months"}
    found = statistic(table.protocol, kind="median", value="15 g", rounded_to="1 g", **keys)
    assert found.name == "total dose, median (g) by 2 months"
    expected = [float(np.nanmedian(grams)) / 1000.0 for (grams,) in by_trial(table, "dose_by.60.875")]
    assert numbers(found, table) == pytest.approx(expected)
    share = statistic(table.protocol, kind="proportion", at_least="15 g", count=1, of=2, **keys)
    shares = [float(np.mean(grams >= 15000.0)) for (grams,) in by_trial(table, "dose_by.60.875")]
    assert numbers(share, table) == pytest.approx(shares)


def test_a_mean_is_that_of_the_sample(protocol: Protocol, table: PatientTable) -> None:
    found = statistic(protocol, kind="mean", endpoint="average dose", value="373 mg/day", rounded_to="1 mg/day")
    expected = [float(np.nanmean(values)) for (values,) in by_trial(table, "mean_dose_mg_per_day")]
    assert numbers(found, table) == pytest.approx(expected)
    assert found.name == "average dose, mean (mg/day)"


def kaplan_meier(times: Floats, has_event: Floats) -> tuple[list[float], list[float]]:
    """The product-limit estimate in the words of a textbook: days of events, survival after each."""
    days = sorted(set(times[has_event > 0.0].tolist()))
    survival, after = 1.0, []
    for day in days:
        n_events, at_risk = int(np.sum((times == day) & (has_event > 0.0))), int(np.sum(times >= day))
        survival *= 1.0 - n_events / at_risk
        after.append(survival)
    return days, after


def test_the_median_survival_is_where_the_curve_passes_one_half(protocol: Protocol, table: PatientTable) -> None:
    keys: dict[str, Any] = {
        "kind": "median",
        "endpoint": "survival",
        "value": "14.6 months",
        "rounded_to": "0.1 months",
    }
    found = statistic(protocol, **keys)
    assert (found.name, found.unit) == ("survival, median (months)", "months")
    values = numbers(found, table)
    n_reached = 0
    for value, (death, observed) in zip(values, by_trial(table, "death_days", "observed_days"), strict=True):
        times = np.fmin(death, observed)
        days, survival = kaplan_meier(times, (~np.isnan(death)).astype(float))
        below = [day for day, share in zip(days, survival, strict=True) if share < 0.5 - 1e-12]
        flat = [day for day, share in zip(days, survival, strict=True) if abs(share - 0.5) <= 1e-12]
        if not below:
            assert value == np.inf or flat
            continue
        n_reached += 1
        expected = (flat[0] + below[0]) / 2.0 if flat else below[0]
        assert value * DAYS_PER_MONTH == pytest.approx(expected)
    assert 0 < n_reached < N_TRIALS


def test_a_median_that_was_not_reached_is_a_share_of_trials(protocol: Protocol, table: PatientTable) -> None:
    keys: dict[str, Any] = {"kind": "median", "endpoint": "survival", "value": "9 months", "rounded_to": "1 months"}
    medians = numbers(statistic(protocol, **keys), table)
    found = statistic(protocol, kind="median", endpoint="survival", not_reached_by="9 months")
    assert numbers(found, table) == pytest.approx((medians > 9.0).astype(float))
    assert 0.0 < numbers(found, table).mean() < 1.0


@pytest.mark.parametrize("endpoint", ["survival", "progression-free", "relapse-free", "duration of partial response"])
def test_a_landmark_is_the_curve_at_its_day(endpoint: str, protocol: Protocol, table: PatientTable) -> None:
    from trialsim.config.schema.comparison_study import EndpointSpec
    from trialsim.endpoints.per_patient import endpoint_of

    found = statistic(protocol, kind="landmark", endpoint=endpoint, at="6 months", value="46 %", rounded_to="1 %", of=9)
    spec = EndpointSpec.model_validate({"of": endpoint, "at": "6 months"})
    expected = endpoint_of(spec, protocol, [protocol]).of_trials(table, None)[0]
    assert numbers(found, table) == pytest.approx(expected, nan_ok=True)


def test_the_incidence_of_a_toxicity_is_one_less_the_curve_without_it(protocol: Protocol, table: PatientTable) -> None:
    keys: dict[str, Any] = {"kind": "landmark", "at": "6 months", "value": "38 %", "rounded_to": "1 %"}
    found = statistic(protocol, "toxicity.lethargy", **keys)
    assert found.name == "lethargy at 6 months"
    values = numbers(found, table)
    for value, (onset, observed) in zip(
        values, by_trial(table, "first_onset_days.lethargy", "observed_days"), strict=True
    ):
        days, survival = kaplan_meier(np.fmin(onset, observed), (~np.isnan(onset)).astype(float))
        at = [share for day, share in zip(days, survival, strict=True) if day <= 6 * DAYS_PER_MONTH]
        assert value == pytest.approx(1.0 - at[-1] if at else 0.0)


def random_times(rng: np.random.Generator, n: int) -> tuple[Floats, Any]:
    """Times with ties, some censored."""
    return np.round(rng.exponential(6.0, n)), rng.random(n) < 0.7


def test_many_curves_at_once_are_those_of_each_trial() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, 12, 200)
    trial = rng.permutation(np.repeat(np.arange(200), sizes))
    times, has_event = random_times(rng, len(trial))
    for at in (0.0, 3.0, 8.0):
        order = np.argsort(trial, kind="stable")
        expected = survival_at(times[order], has_event[order], trial[order], 200, at)[0]
        assert curves_at(times, has_event, trial, 200, at) == pytest.approx(expected, nan_ok=True)


def test_without_censoring_the_median_is_that_of_the_sample() -> None:
    rng = np.random.default_rng(2)
    trial = np.repeat(np.arange(50), rng.integers(1, 12, 50))
    times = rng.exponential(6.0, len(trial))
    expected = [float(np.median(times[trial == i])) for i in range(50)]
    assert medians_of(times, np.ones(len(times), bool), trial, 50) == pytest.approx(expected)


def test_the_variance_of_a_curve_is_greenwoods() -> None:
    """The sum over days by the textbook, and n times as much as it is divided by n again."""
    rng = np.random.default_rng(3)
    times, has_event = random_times(rng, 60)
    at = np.array([2.0, 5.0, 9.0])
    survival, greenwood = survival_and_greenwood(times, has_event, at)
    for i, day in enumerate(at):
        assert survival[i] == pytest.approx(survival_at(times, has_event, np.zeros(60, int), 1, day)[0][0])
        total = 0.0
        for event_day in sorted(set(times[has_event & (times <= day)].tolist())):
            d, r = int(np.sum((times == event_day) & has_event)), int(np.sum(times >= event_day))
            total += d / (r * (r - d))
        assert greenwood[i] == pytest.approx(60 * total)
    last = float(times.max())
    assert np.isnan(survival_and_greenwood(times, has_event & (times < last), np.array([last + 1.0]))[0][0])


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ({"kind": "median", "endpoint": "survial", "not_reached_by": "9 months"}, "endpoint", "Did you mean survival?"),
        ({"kind": "median", "endpoint": "rash", "value": "9 months", "rounded_to": "1 months"}, "kind", "is a share"),
        ({"kind": "mean", "endpoint": "survival", "value": "9 months", "rounded_to": "1 months"}, "kind", "censored"),
        ({"kind": "mean", "endpoint": "rash", "value": "9 months", "rounded_to": "1 months"}, "kind", "has no mean"),
        ({"kind": "median", "endpoint": "survival", "value": "9 g", "rounded_to": "1 g"}, "value", "not measured in g"),
        ({"kind": "median", "endpoint": "total dose", "value": "9 mg", "rounded_to": "1 mg"}, "value", "Allowed: g."),
        ({"kind": "median", "endpoint": "total dose", "not_reached_by": "1 months"}, "kind", "is known of everyone"),
        ({"kind": "proportion", "endpoint": "survival", "count": 1, "of": 2}, "kind", "`kind: landmark` with `at`"),
        ({"kind": "proportion", "endpoint": "highest dose", "count": 1, "of": 2}, "at_least", "needs the least value"),
        ({"kind": "proportion", "endpoint": "died", "at_least": "2 g", "count": 1, "of": 2}, "at_least", "no values"),
        ({"kind": "proportion", "endpoint": "evaluable", "by": "1 month", "count": 1, "of": 2}, "by", "has no day"),
        (
            {"kind": "mean", "endpoint": "average dose", "by": "1 month", "value": "1 g/day", "rounded_to": "1 g/day"},
            "by", "Allowed: one of total dose.",
        ),
        (
            {"kind": "median", "endpoint": "survival", "by": "1 month", "value": "1 months", "rounded_to": "1 months"},
            "by", "is not recorded by a day",
        ),
        ({"kind": "proportion", "endpoint": "time at level", "count": 1, "of": 2}, "endpoint", "of each patient"),
        ({"kind": "proportion", "endpoint": "rush", "count": 1, "of": 2}, "endpoint", "Did you mean rash?"),
        ({"kind": "proportion", "endpoint": "rash", "among": "old", "count": 1, "of": 2}, "among", "no such patients"),
        (
            {"kind": "landmark", "endpoint": "average dose", "at": "1 month", "value": "1 %", "rounded_to": "1 %"},
            "endpoint", "no landmark",
        ),
        (
            {"kind": "landmark", "endpoint": "mucositis", "at": "1 month", "value": "1 %", "rounded_to": "1 %"},
            "endpoint", "there is no such endpoint",
        ),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(keys: dict[str, Any], key: str, message: str, protocol: Protocol) -> None:
    with pytest.raises(RequestError) as raised:
        statistic(protocol, **keys)
    assert raised.value.key == key
    assert message in str(raised.value)
