"""Every endpoint, declared once, for `run`, `compare`, `size` and `calibrate`.

To add one, add an `Endpoint` to `ENDPOINTS`: its name in studies, its unit, which direction is better, how it is
measured in a patient, which statistics of a trial report it, and what a design counts of it. Lists, messages, tables
and `docs/tables.md` follow.

A toxicity of a scenario is an endpoint by its name (`toxicity_named`), and a statistic `toxicity.NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from trialsim.endpoints.endpoint import CONDUCT, DOSE, RESPONSE, SURVIVAL, TOXICITIES, DesignOutcome, Endpoint
from trialsim.endpoints.measures import (
    DISCONTINUED,
    PROGRESSED_OR_DIED,
    RESPONDED,
    STOPPED,
    Mean,
    Ratio,
    TimeAtLevel,
    TimeToEvent,
    Toxicity,
)
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.endpoints.responses import USUAL, response_endpoints, response_label, response_statistics
from trialsim.model import interim
from trialsim.model.disease import STATISTIC_PREFIX
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH, DAYS_PER_WEEK, MG_PER_DAY, DoseUnit, dose_unit_of
from trialsim.records.columns import TOXICITY_PREFIX

ENROLLED, EVALUABLE, RESPONDERS = Population.ENROLLED, Population.EVALUABLE, Population.RESPONDERS
_IN_MONTHS: Final = 1.0 / DAYS_PER_MONTH
TOXICITY: Final = "toxicity."  # before the name of a toxicity, the name of its statistic
SEVERE: Final = "any severe toxicity"


_DIED: Final = "not missing(death_days)"
_PROGRESSED: Final = "not missing(progression_seen_days)"

_BEFORE_DOSES: Final = (
    Endpoint(
        "time to response", "months", direction="lower", family=RESPONSE,
        measure=Mean(f"response_seen_days / {DAYS_PER_MONTH}", RESPONDED),
    ),
    Endpoint(
        "evaluable", measure=Mean("is_evaluable"),
        statistics=(TrialStatistic("evaluable", "evaluable patients", "n_evaluable", unit="patients"),),
    ),
    Endpoint(
        "alive without progression", family=SURVIVAL, direction="higher",
        measure=Mean(f"not ({_PROGRESSED}) and not ({_DIED})"),
        statistics=(
            TrialStatistic(
                "responders.progression_free", "responders progression-free", "n_responders_progression_free",
                RESPONDERS,
            ),
        ),
    ),
    Endpoint(
        "relapse or progression", family=SURVIVAL, direction="lower",
        measure=Mean(_PROGRESSED, day="progression_seen_days"),
        statistics=(
            TrialStatistic("responders.relapsed", "responders relapsed", "n_responders_relapsed", RESPONDERS),
            TrialStatistic("progression.seen", "relapse or progression seen", "n_progressed", ENROLLED),
        ),
    ),
    Endpoint(
        "died without progression", family=SURVIVAL, direction="lower",
        measure=Mean(f"{_DIED} and not ({_PROGRESSED})", day="death_days"),
        statistics=(TrialStatistic("responders.died", "responders died", "n_responders_died", RESPONDERS),),
    ),
    Endpoint(
        "died", family=SURVIVAL, direction="lower", measure=Mean(_DIED, day="death_days"),
        statistics=(TrialStatistic("died", "died", "n_died", ENROLLED),),
    ),
    Endpoint(
        "survival", family=SURVIVAL, direction="higher",
        measure=TimeToEvent("death_days"), outcome=DesignOutcome(interim.DEATH),
    ),
    Endpoint(
        "progression-free", family=SURVIVAL, direction="higher", measure=TimeToEvent(PROGRESSED_OR_DIED),
        outcome=DesignOutcome(interim.PROGRESSION_OR_DEATH),
    ),
    Endpoint(
        "relapse-free", family=SURVIVAL, direction="higher",
        measure=TimeToEvent(PROGRESSED_OR_DIED, "response_seen_days"),
    ),
    Endpoint(
        SEVERE, family=TOXICITIES, direction="lower", measure=Toxicity(only_severe=True),
        statistics=(
            TrialStatistic(f"{TOXICITY}any_severe", SEVERE, "n_severe_toxicity", ENROLLED),
        ),
        outcome=DesignOutcome(interim.TOXICITY),
    ),
    Endpoint(
        "any toxicity", family=TOXICITIES, direction="lower",
        measure=Toxicity(), outcome=DesignOutcome(interim.TOXICITY),
    ),
    Endpoint(
        "stopped by a rule", family=TOXICITIES, direction="lower", measure=Mean(STOPPED, day="treatment_days"),
        statistics=(
            TrialStatistic(
                "treatment.stopped_by_rule", "treatment stopped by a rule", "n_stopped_by_rule", ENROLLED
            ),
        ),
    ),
    Endpoint("discontinued", family=TOXICITIES, direction="lower", measure=Mean(DISCONTINUED, day="treatment_days")),
)  # fmt: skip


def dose_endpoints(unit: DoseUnit) -> tuple[Endpoint, ...]:
    """The endpoints that are a dose, in the unit of the doses of a scenario."""
    per_day, in_unit = unit.text, unit.column
    return (
        Endpoint(
            "average dose", per_day, family=DOSE, measure=Mean(in_unit("mean_dose_mg_per_day")),
            statistics=(
                TrialStatistic(
                    "dose.median", "median dose", in_unit("median_dose_mg_per_day"), ENROLLED, per_day,
                    median_of="mean_dose",
                ),
                TrialStatistic(
                    "dose.median.evaluable", "median dose (evaluable)", in_unit("median_dose_evaluable_mg_per_day"),
                    EVALUABLE, per_day, median_of="mean_dose",
                ),
            ),
        ),
        Endpoint(
            "highest dose", per_day, family=DOSE, measure=Mean(in_unit("highest_dose_mg_per_day")),
            statistics=(
                TrialStatistic(
                    "dose.median.highest_level", "median of the highest dose",
                    in_unit("median_highest_dose_mg_per_day"), ENROLLED, per_day, median_of="highest_dose",
                ),
            ),
        ),
    )  # fmt: skip


_AFTER_DOSES: Final = (
    Endpoint("total dose", "g", family=DOSE, measure=Mean("total_dose_mg / 1000", by_day="dose_by({day:g}) / 1000")),
    Endpoint(
        "dose intensity", "mg/week", family=DOSE, measure=Ratio("total_dose_mg", f"observed_days / {DAYS_PER_WEEK}"),
    ),
    Endpoint(
        "maximum reached", family=DOSE, measure=Mean("not missing(maximum_reached_days)", day="maximum_reached_days"),
    ),
    Endpoint(
        "time to maximum", "months", family=DOSE,
        measure=Mean(f"maximum_reached_days / {DAYS_PER_MONTH}", "not missing(maximum_reached_days)"),
    ),
    Endpoint("time at level", family=DOSE, measure=TimeAtLevel()),
    Endpoint("days held", "days", direction="lower", family=DOSE, measure=Mean("held_days")),
    Endpoint("treatment time", "months", family=DOSE, measure=Mean(f"treatment_days / {DAYS_PER_MONTH}")),
    Endpoint(
        "follow-up", "months", measure=Mean(f"follow_up_days / {DAYS_PER_MONTH}"),
        statistics=(
            TrialStatistic(
                "follow_up.median", "median follow-up", "median_follow_up_days", ENROLLED, "months", _IN_MONTHS,
                "follow_up",
            ),
            TrialStatistic(
                "follow_up.median.responders", "median follow-up (responders)",
                "median_follow_up_responders_days", RESPONDERS, "months", _IN_MONTHS, "follow_up",
            ),
        ),
    ),
    Endpoint("enrolled", statistics=(TrialStatistic("enrolled", "enrolled patients", "n_enrolled", unit="patients"),)),
    Endpoint("screened", statistics=(TrialStatistic("screened", "screened patients", "n_screened", unit="patients"),)),
    Endpoint(
        "length of the trial", "months", family=CONDUCT,
        statistics=(
            TrialStatistic(
                "trial.duration", "length of the trial", "duration_days", unit="months", scale=_IN_MONTHS
            ),
        ),
    ),
)  # fmt: skip


def _others(unit: DoseUnit = MG_PER_DAY) -> tuple[Endpoint, ...]:
    """The endpoints of every scenario whose doses are in a unit."""
    return (*_BEFORE_DOSES, *dose_endpoints(unit), *_AFTER_DOSES)


ENDPOINTS: Final = (*response_endpoints(USUAL), *_others())  # of a scenario with the usual categories of response


def toxicity_named(name: str) -> Endpoint:
    """The endpoint that a toxicity of a scenario is."""
    statistic = TrialStatistic(f"{TOXICITY}{name}", name, f"{TOXICITY_PREFIX}{name}", ENROLLED)
    return Endpoint(
        name, "", TOXICITIES, "lower", Toxicity(name), statistics=(statistic,), outcome=DesignOutcome(interim.TOXICITY)
    )


def endpoint_named(name: str, protocols: Sequence[Protocol]) -> Endpoint | None:
    """The endpoint of a name; toxicities are those of any of the protocols. None if there is none."""
    return {item.name: item for item in known_endpoints(protocols)}.get(name)


def known_endpoints(protocols: Sequence[Protocol]) -> tuple[Endpoint, ...]:
    """Every endpoint, with responses and toxicities of the protocols, whose categories of response are the same.

    So is the unit of their doses. A toxicity does not replace an endpoint of its name.
    """
    endpoints = (
        (*response_endpoints(protocols[0].responses), *_others(protocols[0].dose_unit)) if protocols else ENDPOINTS
    )
    known = {item.name: item for item in endpoints}
    names = dict.fromkeys(protocol.clocks[place].name for protocol in protocols for place in protocol.toxicities)
    return (*endpoints, *(toxicity_named(name) for name in names if name not in known))


def statistics_of(columns: Iterable[str]) -> dict[str, TrialStatistic]:
    """Every statistic that a table of replicates with these columns supports, by name, toxicities first."""
    columns = tuple(columns)
    toxicities = [column.removeprefix(TOXICITY_PREFIX) for column in columns if column.startswith(TOXICITY_PREFIX)]
    of_toxicities = [statistic for name in toxicities for statistic in toxicity_named(name).statistics]
    others = [statistic for endpoint in _others(dose_unit_of(columns)) for statistic in endpoint.statistics]
    return {item.name: item for item in (*of_toxicities, *response_statistics(columns), *others)}


def is_statistic(name: str) -> bool:
    """Whether a name is that of a statistic of a trial, and not one that a cohort has given."""
    return name.startswith((TOXICITY, STATISTIC_PREFIX)) or name in _NAMED


def statistic_label(name: str) -> str:
    """A statistic in words."""
    if name.startswith(STATISTIC_PREFIX):
        return response_label(name)
    return _NAMED[name].label if name in _NAMED else name.removeprefix(TOXICITY)


def statistic_title(name: str, unit: str | None = None) -> str:
    """A statistic in words, with its unit unless it is a share or a number of patients.

    `unit` is that of its value, which for a dose depends on the scenario; mg/day where it is not given.
    """
    label = statistic_label(name)
    if unit is None:
        unit = _NAMED[name].unit if name in _NAMED else ""
    is_said = unit in ("", "patients") or label.endswith(f"({unit})")
    return label if is_said else f"{label}, {unit}"


_NAMED: Final = {statistic.name: statistic for endpoint in _others() for statistic in endpoint.statistics}
