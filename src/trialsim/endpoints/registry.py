"""Every endpoint, declared once, for `run`, `compare`, `size` and `calibrate`.

To add one, add an `Endpoint` to `ENDPOINTS`: its name in studies, its unit, which direction is better, how it is
measured in a patient, which statistics of a trial report it, and what a design counts of it. Lists, messages, tables
and `docs/tables.md` follow.

A toxicity of a scenario is an endpoint by its name (`toxicity_named`), and a statistic `toxicity.NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from trialsim.endpoints.measures import (
    DISCONTINUED,
    RESPONDED,
    STOPPED,
    ConfirmedResponse,
    Mean,
    Measure,
    Ratio,
    Response,
    TimeAtLevel,
    TimeToEvent,
    Toxicity,
)
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.model import disease, interim
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH, DAYS_PER_WEEK
from trialsim.records.columns import TOXICITY_PREFIX

Direction = Literal["higher", "lower", ""]
Family = Literal["response", "dose", "toxicity", "survival", "conduct"]
RESPONSE: Final[Family] = "response"
DOSE: Final[Family] = "dose"
TOXICITIES: Final[Family] = "toxicity"
SURVIVAL: Final[Family] = "survival"
CONDUCT: Final[Family] = "conduct"
ENROLLED, EVALUABLE, RESPONDERS = Population.ENROLLED, Population.EVALUABLE, Population.RESPONDERS
_IN_MONTHS: Final = 1.0 / DAYS_PER_MONTH
TOXICITY: Final = "toxicity."  # before the name of a toxicity, the name of its statistic
SEVERE: Final = "any severe toxicity"


@dataclass(frozen=True)
class DesignOutcome:
    """What a design counts: a kind of `model.interim`, and the least response that counts (a `disease` state)."""

    kind: int
    least: int = 0

    @property
    def has_window(self) -> bool:
        """Whether the outcome is looked for within a time of the first dose, not as a time to an event."""
        return self.kind in (interim.RESPONSE, interim.TOXICITY)


@dataclass(frozen=True)
class Endpoint:
    """A named measurement.

    `unit` is empty for a share, `family` says what it is of, `direction` is empty for an endpoint of which neither more
    nor less is better by itself, such as a dose. `measure` is missing for what is not measured in a patient, `outcome`
    for what no design decides on. `names_population` says that a name states the denominator, because the endpoint has
    several.
    """

    name: str
    unit: str = ""
    family: Family = "conduct"
    direction: Direction = ""
    measure: Measure | None = None
    population: Population = ENROLLED
    statistics: tuple[TrialStatistic, ...] = ()
    outcome: DesignOutcome | None = None

    @property
    def names_population(self) -> bool:
        """Whether its denominator differs between commands, so that a name must state it."""
        shares = [item for item in self.statistics if item.population is not None and not item.median_of]
        return any(item.population is not self.population for item in shares)


_DIED: Final = "not missing(death_days)"
_PROGRESSED: Final = "not missing(progression_seen_days)"
_EVENT: Final = "min(progression_seen_days, death_days)"

ENDPOINTS: Final = (
    Endpoint(
        "partial response", family=RESPONSE, direction="higher",
        measure=Response("best_response == 2", "partial_seen_days"),
        statistics=(TrialStatistic("response.partial", "partial response (evaluable)", "n_partial", EVALUABLE),),
        outcome=DesignOutcome(interim.RESPONSE, disease.PARTIAL),
    ),
    Endpoint(
        "minor response", family=RESPONSE, direction="higher",
        measure=Mean("best_response == 1", day="response_seen_days"),
        statistics=(TrialStatistic("response.minor", "minor response (evaluable)", "n_minor", EVALUABLE),),
    ),
    Endpoint(
        "any response", family=RESPONSE, direction="higher", measure=Response(RESPONDED, "response_seen_days"),
        statistics=(TrialStatistic("response.any", "any response (evaluable)", RESPONDERS.column, EVALUABLE),),
        outcome=DesignOutcome(interim.RESPONSE, disease.MINOR),
    ),
    Endpoint(
        "confirmed partial response", family=RESPONSE, direction="higher",
        measure=ConfirmedResponse("partial_confirmed_days"),
    ),
    Endpoint(
        "confirmed response", family=RESPONSE, direction="higher", measure=ConfirmedResponse("response_confirmed_days"),
    ),
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
        "progression-free", family=SURVIVAL, direction="higher", measure=TimeToEvent(_EVENT),
        outcome=DesignOutcome(interim.PROGRESSION_OR_DEATH),
    ),
    Endpoint("relapse-free", family=SURVIVAL, direction="higher", measure=TimeToEvent(_EVENT, "response_seen_days")),
    Endpoint(
        "duration of partial response", family=SURVIVAL, direction="higher",
        measure=TimeToEvent(_EVENT, "partial_seen_days"),
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
    Endpoint(
        "average dose", "mg/day", family=DOSE, measure=Mean("mean_dose_mg_per_day"),
        statistics=(
            TrialStatistic(
                "dose.median", "median dose", "median_dose_mg_per_day", ENROLLED, "mg/day",
                median_of="mean_dose",
            ),
            TrialStatistic(
                "dose.median.evaluable", "median dose (evaluable)", "median_dose_evaluable_mg_per_day",
                EVALUABLE, "mg/day", median_of="mean_dose",
            ),
        ),
    ),
    Endpoint(
        "highest dose", "mg/day", family=DOSE, measure=Mean("highest_dose_mg_per_day"),
        statistics=(
            TrialStatistic(
                "dose.median.highest_level", "median of the highest dose", "median_highest_dose_mg_per_day",
                ENROLLED, "mg/day", median_of="highest_dose",
            ),
        ),
    ),
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
    """Every endpoint, and the toxicities of the protocols; a toxicity does not replace an endpoint of its name."""
    known = {item.name: item for item in ENDPOINTS}
    names = dict.fromkeys(protocol.clocks[place].name for protocol in protocols for place in protocol.toxicities)
    return (*ENDPOINTS, *(toxicity_named(name) for name in names if name not in known))


def statistics_of(columns: Iterable[str]) -> dict[str, TrialStatistic]:
    """Every statistic that a table of replicates with these columns supports, by name, toxicities first."""
    toxicities = [column.removeprefix(TOXICITY_PREFIX) for column in columns if column.startswith(TOXICITY_PREFIX)]
    endpoints = (*map(toxicity_named, toxicities), *ENDPOINTS)
    return {statistic.name: statistic for endpoint in endpoints for statistic in endpoint.statistics}


def is_statistic(name: str) -> bool:
    """Whether a name is that of a statistic of a trial, and not one that a cohort has given."""
    return name.startswith(TOXICITY) or any(name == item.name for end in ENDPOINTS for item in end.statistics)


def statistic_label(name: str) -> str:
    """A statistic in words."""
    known = {item.name: item.label for endpoint in ENDPOINTS for item in endpoint.statistics}
    return known.get(name, name.removeprefix(TOXICITY))


def statistic_title(name: str) -> str:
    """A statistic in words, with its unit unless it is a share or a number of patients."""
    units = {item.name: item.unit for endpoint in ENDPOINTS for item in endpoint.statistics}
    unit = units.get(name, "")
    return f"{statistic_label(name)}, {unit}" if unit not in ("", "patients") else statistic_label(name)
