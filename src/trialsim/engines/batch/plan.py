"""A protocol as one record and a few tables: what the compiled trial reads. Every scenario has the same types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from trialsim.compilation import small_part, table_at
from trialsim.engines.batch.memory import side_by_side
from trialsim.model import clock as hazard
from trialsim.model.course import repeated_day
from trialsim.model.draws import decision_code
from trialsim.model.protocol import Clock, Protocol, Rule

Record = Any  # a NumPy record, or a table of records or numbers; NumPy's types do not know the fields

_DAYS_IN_TABLE: Final = 200

FLOAT: Final = np.dtype("f8")
INTEGER: Final = np.dtype("i8")
CODE: Final = np.dtype("u8")
# A slot is a place in which a clock may run: the clocks of the protocol in their order, then the one that ends each
# toxicity that resolves. `toxicity` is a place in masks or -1, `resolution` a slot or -1, `position` a clock's number.
SLOT: Final = np.dtype(
    [("coefficient", "f8"), ("shape", "f8"), ("code", "u8"), ("states", "i8"), ("kind", "i8"), ("toxicity", "i8"),
     ("resolution", "i8"), ("position", "i8"), ("first_effect", "i8"), ("after_effects", "i8"), ("frailty", "i8"),
     ("depends_on_dose", "?"), ("needs_treatment", "?"), ("needs_sensitivity", "?"), ("recurs", "?")], align=True
)  # fmt: skip
RULE: Final = np.dtype(
    [("number", "i8"), ("action", "i8"), ("amount", "i8"), ("waits_for", "i8"), ("first_condition", "i8"),
     ("after_conditions", "i8"), ("stops_at_lowest", "?")], align=True
)  # fmt: skip
CONDITION: Final = np.dtype(
    [("kind", "i8"), ("toxicities", "i8"), ("mode", "i8"), ("at_least", "i8"), ("response", "i8")], align=True
)
EFFECT: Final = np.dtype([("covariate", "i8"), ("category", "i8"), ("reference", "f8"), ("weight", "f8")], align=True)
COVARIATE: Final = np.dtype(
    [("distribution", "i8"), ("location", "f8"), ("spread", "f8"), ("lowest_share", "f8"), ("highest_share", "f8"),
     ("first_share", "i8"), ("after_shares", "i8")], align=True
)  # fmt: skip

# The tables of a plan: name and the type of a row. `dose_slots` and `personal_slots` are those that need a look. `onset_rules` come before `visit_rules` in `rules`; `dose_factors`
# holds (dose/400)^exponent slot by slot, for dose 0 and each level; `decisions` are the codes of the draws that every
# patient needs once: sensitivity, the covariates that have effects, frailties, clocks; `reported` are toxicities.
TABLES: Final = {
    "slots": SLOT, "dose_slots": INTEGER, "personal_slots": INTEGER, "visit_days": FLOAT, "assessment_days": FLOAT, "dose_factors": FLOAT, "levels": FLOAT, "onset_rules": RULE, "visit_rules": RULE,
    "conditions": CONDITION, "effects": EFFECT, "covariates": COVARIATE, "shares": FLOAT, "frailty_sds": FLOAT,
    "decisions": CODE, "starts": FLOAT, "rates": FLOAT, "reported": INTEGER,
}  # fmt: skip
PLAN: Final = np.dtype(
    [("n_patients", "i8"), ("window_days", "f8"), ("closes_day", "f8"), ("p_ineligible", "f8"),
     ("p_sensitive", "f8"), ("visit_every_days", "f8"), ("assessment_every_days", "f8"),
     ("visits_per_day", "f8"), ("assessments_per_day", "f8"), ("evaluable_after_days", "f8"), ("cut_off_kind", "i8"), ("cut_off_day", "f8"), ("counted", "i8"),
     ("count", "i8"), ("severe", "i8"), ("arrival", "u8"), ("eligibility", "u8"), ("n_clocks", "i8"),
     ("n_toxicities", "i8"), ("counts_early_progression", "?"), ("counts_early_death", "?"),
     *((f"{name}_at", "u8") for name in TABLES), *((f"n_{name}", "i8") for name in TABLES)], align=True
)  # fmt: skip


class Plan:
    """A protocol for the compiled trial: `record` holds its numbers and the addresses of its `tables`."""

    def __init__(self, protocol: Protocol) -> None:
        found = _tables(protocol)
        self.record: Record
        self.record, self.tables = side_by_side(PLAN, TABLES, {name: len(table) for name, table in found.items()})
        for name, value in _numbers(protocol).items():
            self.record[name] = value
        for name, table in found.items():
            self.tables[name][:] = table


def _numbers(protocol: Protocol) -> dict[str, Any]:
    accrual, cut_off = protocol.accrual, protocol.cut_off
    return {
        "n_patients": accrual.n_patients,
        "window_days": accrual.window_days,
        "closes_day": accrual.closes_day,
        "p_ineligible": accrual.p_ineligible,
        "p_sensitive": protocol.p_sensitive,
        "visit_every_days": protocol.visit_every_days,
        "assessment_every_days": protocol.assessment_every_days,
        "visits_per_day": 1.0 / protocol.visit_every_days,
        "assessments_per_day": 1.0 / protocol.assessment_every_days if protocol.assessment_every_days > 0.0 else 0.0,
        "evaluable_after_days": protocol.evaluable_after_days,
        "counts_early_progression": protocol.counts_early_progression,
        "counts_early_death": protocol.counts_early_death,
        "cut_off_kind": cut_off.kind,
        "cut_off_day": cut_off.latest_day if cut_off.count > 0 else cut_off.day,
        "counted": cut_off.counted,
        "count": cut_off.count,
        "severe": sum(1 << i for i, p in enumerate(protocol.toxicities) if protocol.clocks[p].is_severe),
        "arrival": decision_code("arrival"),
        "eligibility": decision_code("eligibility"),
        "n_clocks": len(protocol.clocks),
        "n_toxicities": len(protocol.toxicities),
    }


def _tables(protocol: Protocol) -> dict[str, Record]:
    clocks = [*protocol.clocks, *(c.resolution for c in protocol.clocks if c.resolution is not None)]
    used = sorted({effect[0] for clock in protocol.clocks for effect in clock.effects})
    codes = [decision_code("sensitivity"), *(protocol.covariates[i].code for i in used)]
    codes += [frailty.code for frailty in protocol.frailties] + [clock.code for clock in protocol.clocks]
    rules = (*protocol.onset_rules, *protocol.visit_rules)
    rule_rows = _rule_rows(rules)
    n_onset = len(protocol.onset_rules)
    rows: dict[str, Iterable[Any]] = {
        "slots": _slot_rows(protocol),
        "dose_slots": [i for i, clock in enumerate(clocks) if clock.depends_on_dose],
        "personal_slots": [i for i, clock in enumerate(protocol.clocks) if clock.effects or clock.frailty >= 0],
        "visit_days": _days(protocol.visit_every_days),
        "assessment_days": _days(protocol.assessment_every_days),
        "dose_factors": [
            hazard.dose_factor(dose, clock.dose_exponent) for clock in clocks for dose in (0.0, *protocol.levels)
        ],
        "levels": protocol.levels,
        "onset_rules": rule_rows[:n_onset],
        "visit_rules": rule_rows[n_onset:],
        "conditions": [
            (item.kind, item.toxicities, item.mode, item.at_least, item.response)
            for rule in rules
            for item in rule.conditions
        ],
        "effects": [(used.index(effect[0]), *effect[1:]) for clock in protocol.clocks for effect in clock.effects],
        "covariates": _covariate_rows(protocol, used),
        "shares": [share for i in used for share in protocol.covariates[i].cumulative_shares],
        "frailty_sds": [frailty.sd_log for frailty in protocol.frailties],
        "decisions": codes,
        "starts": protocol.accrual.starts,
        "rates": protocol.accrual.rates,
        "reported": [i for i, p in enumerate(protocol.toxicities) if protocol.clocks[p].is_reported],
    }
    return {name: np.array(list(rows[name]), dtype=dtype) for name, dtype in TABLES.items()}


def _days(every: float) -> list[float]:
    """The study days of visit or assessment 0 (which is none), 1, 2, …, as far as the table goes."""
    return [repeated_day(number, every) for number in range(_DAYS_IN_TABLE)] if every > 0.0 else []


def _slot_rows(protocol: Protocol) -> list[tuple[Any, ...]]:
    toxicity_of = {position: i for i, position in enumerate(protocol.toxicities)}
    clocks: list[tuple[Any, ...]] = []
    resolutions: list[tuple[Any, ...]] = []
    n_effects = 0
    for position, clock in enumerate(protocol.clocks):
        toxicity, resolution = toxicity_of.get(position, -1), -1
        if clock.resolution is not None:
            resolution = len(protocol.clocks) + len(resolutions)
            resolutions.append(_slot_row(clock.resolution, toxicity, -1, position, 0))
        clocks.append(_slot_row(clock, toxicity, resolution, position, n_effects))
        n_effects += len(clock.effects)
    return clocks + resolutions


def _slot_row(clock: Clock, toxicity: int, resolution: int, position: int, n_effects: int) -> tuple[Any, ...]:
    return (
        clock.coefficient, clock.shape, clock.code, clock.states, clock.kind, toxicity, resolution, position,
        n_effects, n_effects + len(clock.effects), clock.frailty, clock.depends_on_dose, clock.needs_treatment,
        clock.needs_sensitivity, clock.recurs,
    )  # fmt: skip


def _rule_rows(rules: tuple[Rule, ...]) -> list[tuple[Any, ...]]:
    rows = []
    first = 0
    for rule in rules:
        after = first + len(rule.conditions)
        rows.append((rule.number, rule.action, rule.amount, rule.waits_for, first, after, rule.stops_at_lowest))
        first = after
    return rows


def _covariate_rows(protocol: Protocol, used: list[int]) -> list[tuple[Any, ...]]:
    rows = []
    first = 0
    for i in used:
        item = protocol.covariates[i]
        after = first + len(item.cumulative_shares)
        scale = (item.distribution, item.location, item.spread, item.lowest_share, item.highest_share)
        rows.append((*scale, first, after))
        first = after
    return rows


# The tables, for compiled functions.


@small_part
def slots(plan: Record) -> Record:
    """Every slot in which a clock may run."""
    return table_at(plan.slots_at, plan.n_slots, SLOT)


@small_part
def dose_slots(plan: Record) -> Record:
    """The slots whose hazard depends on the dose."""
    return table_at(plan.dose_slots_at, plan.n_dose_slots, INTEGER)


@small_part
def personal_slots(plan: Record) -> Record:
    """The slots whose hazard has a factor of the patient's own: effects of baseline values, or a frailty."""
    return table_at(plan.personal_slots_at, plan.n_personal_slots, INTEGER)


@small_part
def dose_factor(plan: Record, slot: int, level: int) -> float:
    """`(dose/400)^exponent` of a slot at a level, or at dose 0 for level -1."""
    factors = table_at(plan.dose_factors_at, plan.n_dose_factors, FLOAT)
    return float(factors[slot * (plan.n_levels + 1) + level + 1])


@small_part
def levels(plan: Record) -> Record:
    """The doses of the ladder, mg/day."""
    return table_at(plan.levels_at, plan.n_levels, FLOAT)


@small_part
def onset_rules(plan: Record) -> Record:
    """The rules for the onset of a toxicity."""
    return table_at(plan.onset_rules_at, plan.n_onset_rules, RULE)


@small_part
def visit_rules(plan: Record) -> Record:
    """The rules for visits."""
    return table_at(plan.visit_rules_at, plan.n_visit_rules, RULE)


@small_part
def conditions(plan: Record) -> Record:
    """The conditions of all rules."""
    return table_at(plan.conditions_at, plan.n_conditions, CONDITION)


@small_part
def effects(plan: Record) -> Record:
    """The effects of baseline covariates on clocks."""
    return table_at(plan.effects_at, plan.n_effects, EFFECT)


@small_part
def covariates(plan: Record) -> Record:
    """The covariates that have effects."""
    return table_at(plan.covariates_at, plan.n_covariates, COVARIATE)


@small_part
def shares(plan: Record, first: int, after: int) -> Record:
    """The cumulative shares of one categorical covariate."""
    return table_at(plan.shares_at, plan.n_shares, FLOAT)[first:after]


@small_part
def frailty_sd(plan: Record, frailty: int) -> float:
    """The standard deviation of a frailty on the log scale."""
    return float(table_at(plan.frailty_sds_at, plan.n_frailty_sds, FLOAT)[frailty])


@small_part
def decisions(plan: Record) -> Record:
    """The codes of the draws that every patient needs once."""
    return table_at(plan.decisions_at, plan.n_decisions, CODE)


@small_part
def starts(plan: Record) -> Record:
    """The days on which the intervals of the accrual rate begin."""
    return table_at(plan.starts_at, plan.n_starts, FLOAT)


@small_part
def rates(plan: Record) -> Record:
    """The accrual rate in each interval, per day."""
    return table_at(plan.rates_at, plan.n_rates, FLOAT)


@small_part
def reported(plan: Record) -> Record:
    """The toxicities that outcomes count, as places in a mask."""
    return table_at(plan.reported_at, plan.n_reported, INTEGER)
