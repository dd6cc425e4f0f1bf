"""A protocol made into the record and the tables of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from trialsim.engines.batch.contiguous_memory import side_by_side
from trialsim.engines.batch.plan import PLAN, RULE_FAILS, RULE_HOLDS, TABLES, Record
from trialsim.model import disease, hazards, titration
from trialsim.model.course import repeated_day
from trialsim.model.draws import decision_code
from trialsim.model.protocol import MISSED_ASSESSMENT, Clock, Covariate, Effects, Protocol, severity_decision
from trialsim.model.rules import Condition, Rule
from trialsim.typing import Floats

_DAYS_IN_TABLE: Final = 200
_VARYING: Final = ("dose_slots", "visit_days", "assessment_days", "dose_factors", "frailties", "effects")
_CONSTANT: Final = tuple(name for name in TABLES if name not in _VARYING)


class Plan:
    """A protocol for the compiled trial: `record` holds its numbers and the addresses of its `tables`.

    `address` is where the record lies, as long as the plan is kept. `like` is the plan of the same protocol with other
    values of its parameters: tables that no parameter changes are copied from it, not made again. Only a plan without
    it keeps its tables: there is a plan for each of some thousands of draws.
    """

    def __init__(self, protocol: Protocol, like: Plan | None = None) -> None:
        self.record: Record
        self.tables: dict[str, Record]
        constant = _constant_tables(protocol) if like is None else {name: like.tables[name] for name in _CONSTANT}
        tables = {**constant, **_varying_tables(protocol)}
        sizes = {name: len(table) for name, table in tables.items()}
        self.record, places, self.address = side_by_side(PLAN, TABLES, sizes)
        for name, value in _numbers(protocol).items():
            self.record[name] = value
        for name, table in tables.items():
            places[name][:] = table
        _fill_slots(places["slots"], _slot_clocks(protocol))
        self.tables = places if like is None else {}


def _numbers(protocol: Protocol) -> dict[str, Any]:
    accrual, cut_off = protocol.accrual, protocol.cut_off
    return {
        "n_patients": accrual.n_patients,
        "window_days": accrual.window_days,
        "closes_day": accrual.closes_day,
        "p_ineligible": accrual.p_ineligible,
        "p_sensitive": protocol.p_sensitive,
        "first_sensitivity_effect": len(_clock_effects(protocol)),
        "visit_every_days": protocol.visit_every_days,
        "assessment_every_days": protocol.assessment_every_days,
        "visits_per_day": 1.0 / protocol.visit_every_days,
        "first_level": protocol.first_level,
        "dose_share": protocol.dose_share,
        "n_early_visits": sum(phase.n_visits for phase in protocol.early_visits),
        "early_visits_end_day": protocol.early_visits_end_day,
        "visits_depend_on_time": any(_depends_on_time(rule) for rule in protocol.visit_rules),
        "assessments_per_day": 1.0 / protocol.assessment_every_days if protocol.assessment_every_days > 0.0 else 0.0,
        "p_missed_assessment": protocol.p_missed_assessment,
        "confirmation_days": protocol.confirmation_days,
        "missed_assessment": decision_code(MISSED_ASSESSMENT),
        "evaluable_after_days": protocol.evaluable_after_days,
        "counts_early_progression": protocol.counts_early_progression,
        "counts_early_death": protocol.counts_early_death,
        "cut_off_kind": cut_off.kind,
        "cut_off_day": cut_off.latest_day if cut_off.count > 0 else cut_off.day,
        "counted": cut_off.counted,
        "count": cut_off.count,
        "n_responses": len(protocol.responses),
        "first_response": protocol.first_response,
        "severe": sum(1 << i for i, p in enumerate(protocol.toxicities) if protocol.clocks[p].is_severe),
        "whole": sum(1 << i for i, p in enumerate(protocol.toxicities) if protocol.clocks[p].part_of < 0),
        "arrival": decision_code("arrival"),
        "eligibility": decision_code("eligibility"),
        "n_clocks": len(protocol.clocks),
        "n_toxicities": len(protocol.toxicities),
    }


def _slot_clocks(protocol: Protocol) -> list[Clock]:
    """The clocks in their slots: those of the protocol, then those with which toxicities resolve."""
    return [*protocol.clocks, *(c.resolution for c in protocol.clocks if c.resolution is not None)]


def _varying_tables(protocol: Protocol) -> dict[str, Record]:
    """The tables that parameters (`ParameterPlace`) change; of `slots` they change some fields, see `_fill_slots`."""
    clocks = _slot_clocks(protocol)
    rows: dict[str, Sequence[Any] | Floats] = {
        "dose_slots": [i for i, clock in enumerate(clocks) if clock.depends_on_dose],
        "visit_days": [0.0, *(protocol.visit_day(number) for number in range(1, _DAYS_IN_TABLE))]
        if protocol.early_visits
        else _days(protocol.visit_every_days),
        "assessment_days": _days(protocol.assessment_every_days),
        "dose_factors": [
            _dose_factor(clock, dose, protocol.reference_dose) for clock in clocks for dose in (0.0, *protocol.levels)
        ],
        "frailties": [(frailty.sd_log, frailty.p_long_term) for frailty in protocol.frailties],
        "effects": _effect_rows(protocol),
    }
    return {name: np.array(rows[name], dtype=TABLES[name]) for name in _VARYING}


def _constant_tables(protocol: Protocol) -> dict[str, Record]:
    """The tables that are the same whatever the values of the parameters."""
    used_covariates = _used_covariates(protocol)
    codes = [decision_code("sensitivity"), *(protocol.covariates[i].code for i in used_covariates)]
    codes += [frailty.code for frailty in protocol.frailties] + [clock.code for clock in protocol.clocks]
    rules = (*protocol.onset_rules, *protocol.visit_rules)
    rule_rows, condition_rows = _rule_rows(rules)
    n_onset = len(protocol.onset_rules)
    rows: dict[str, Sequence[Any] | Floats] = {
        "slots": _slot_rows(protocol),
        "personal_slots": [i for i, clock in enumerate(protocol.clocks) if clock.effects or clock.frailty >= 0],
        "piece_days": [days for clock in protocol.clocks for days in clock.piece_days],
        "piece_ratios": [ratio for clock in protocol.clocks for ratio in clock.piece_ratios],
        "parts": [part for position in range(len(protocol.clocks)) for part in protocol.parts_of(position)],
        "levels": protocol.levels,
        "quiet_rules": [_quiet_rule(protocol, level) for level in range(len(protocol.levels))],
        "onset_rules": rule_rows[:n_onset],
        "visit_rules": rule_rows[n_onset:],
        "conditions": condition_rows,
        **_baseline_rows(protocol, used_covariates),
        "decisions": codes,
        "starts": protocol.accrual.starts,
        "rates": protocol.accrual.rates,
        "reported": [i for i, p in enumerate(protocol.toxicities) if protocol.clocks[p].is_reported],
    }
    return {name: np.array(rows[name], dtype=TABLES[name]) for name in _CONSTANT}


def _baseline_rows(protocol: Protocol, used_covariates: list[int]) -> dict[str, Sequence[Any]]:
    """The rows of the tables about baseline values, in which a covariate is a place among those that are used."""
    place_of = {position: place for place, position in enumerate(used_covariates)}
    used = [protocol.covariates[i] for i in used_covariates]
    return {
        "first_levels": [
            (place_of[item.covariate], item.category, item.at_least, item.below, item.level)
            for item in protocol.first_levels
        ],
        "covariates": _covariate_rows(used),
        "shares": [share for item in used for share in item.cumulative_shares],
        "scores": [(place_of[position], weight) for item in used for position, weight in item.scores],
    }


def _effect_rows(protocol: Protocol) -> list[tuple[Any, ...]]:
    """The effects of baseline values on clocks, clock by clock, and then on being sensitive."""
    effects = (*_clock_effects(protocol), *protocol.sensitivity_effects)
    if not effects:
        return []
    place_of = {position: place for place, position in enumerate(_used_covariates(protocol))}
    return [(place_of[effect[0]], *effect[1:]) for effect in effects]


def _clock_effects(protocol: Protocol) -> Effects:
    """The effects of baseline values on clocks, clock by clock."""
    return tuple(effect for clock in protocol.clocks for effect in clock.effects)


def _dose_factor(clock: Clock, dose: float, reference_dose: float) -> float:
    """What a dose makes of a clock's hazard, or of its pace where exposure drives it."""
    if clock.driven_by_exposure:
        return hazards.pace(dose, reference_dose, clock.dose_exponent)
    return hazards.dose_factor(dose, reference_dose, clock.dose_exponent, clock.dose_floor)


@lru_cache(maxsize=16)
def _days(every: float) -> Floats:
    """The study days of visit or assessment 0 (which is none), 1, 2, …, as far as the table goes."""
    return np.array([repeated_day(number, every) for number in range(_DAYS_IN_TABLE)] if every > 0.0 else [])


def _fill_slots(slots: Record, clocks: Sequence[Clock]) -> None:
    """Write the numbers of clocks that parameters change."""
    slots["coefficient"] = [clock.coefficient for clock in clocks]
    slots["shape"] = [clock.shape for clock in clocks]
    slots["delay_days"] = [clock.delay_days for clock in clocks]
    slots["share"] = [clock.share for clock in clocks]
    slots["depends_on_dose"] = [clock.depends_on_dose for clock in clocks]


def _slot_rows(protocol: Protocol) -> list[tuple[Any, ...]]:
    """The slots, without the numbers that `_fill_slots` writes."""
    toxicity_of = {position: i for i, position in enumerate(protocol.toxicities)}
    clocks: list[tuple[Any, ...]] = []
    resolutions: list[tuple[Any, ...]] = []
    n_effects = n_pieces = n_parts = 0
    for position, clock in enumerate(protocol.clocks):
        toxicity, resolution = toxicity_of.get(position, -1), -1
        if clock.resolution is not None:
            resolution = len(protocol.clocks) + len(resolutions)
            resolutions.append(_slot_row(clock.resolution, toxicity, -1, position, 0, 0, (0, 0)))
        parts = (n_parts, n_parts + len(protocol.parts_of(position)))
        clocks.append(_slot_row(clock, toxicity, resolution, position, n_effects, n_pieces, parts))
        n_effects += len(clock.effects)
        n_pieces += len(clock.piece_days)
        n_parts = parts[1]
    return clocks + resolutions


def _slot_row(
    clock: Clock,
    toxicity: int,
    resolution: int,
    position: int,
    n_effects: int,
    n_pieces: int,
    parts: tuple[int, int],
) -> tuple[Any, ...]:
    return (
        0.0, 0.0, 0.0, clock.code, clock.states, clock.kind,
        clock.response, toxicity, *parts, decision_code(severity_decision(clock.name)), 0.0,
        resolution, position, n_effects, n_effects + len(clock.effects), n_pieces,
        n_pieces + len(clock.piece_days), clock.frailty, False,
        clock.driven_by_exposure, clock.needs_treatment, clock.needs_sensitivity, clock.recurs,
    )  # fmt: skip


def _rule_rows(rules: tuple[Rule, ...]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rules, and the conditions of all of them."""
    rows: list[tuple[Any, ...]] = []
    conditions: list[tuple[Any, ...]] = []
    for rule in rules:
        first = _place(rule.condition, RULE_HOLDS, RULE_FAILS, conditions)
        is_so = (rule.stops_at_lowest, rule.once, rule.ends_loading)
        rows.append((rule.number, rule.action, rule.amount, rule.waits_for, first, *is_so))
    return rows, conditions


def _place(condition: Condition, if_true: int, if_false: int, rows: list[tuple[Any, ...]]) -> int:
    """Add the rows of a condition, knowing where to go on after it; gives the place where it begins."""
    if condition.kind == titration.NOT:
        return _place(condition.parts[0], if_false, if_true, rows)
    if condition.kind == titration.ALL_OF:
        for part in reversed(condition.parts):
            if_true = _place(part, if_true, if_false, rows)
        return if_true
    if condition.kind == titration.ANY_OF:
        for part in reversed(condition.parts):
            if_false = _place(part, if_true, if_false, rows)
        return if_false
    leaf = condition
    rows.append(
        (leaf.kind, leaf.toxicities, leaf.mode, leaf.at_least, leaf.response, leaf.level, leaf.days, if_true, if_false)
    )
    return len(rows) - 1


def _depends_on_time(rule: Rule) -> bool:
    """Whether a rule may come to decide, or cease to, though nothing happens but time."""
    recent = any(leaf.mode == titration.RECENT for leaf in rule.condition.leaves)
    return rule.once or recent or any(leaf.kind in titration.TIMED for leaf in rule.condition.leaves)


def _quiet_rule(protocol: Protocol, level: int) -> int:
    """The place of the rule that decides at a visit when no toxicity and no response have been; -1 for none."""
    no_onsets = [0] * len(protocol.toxicities)
    no_days = [0.0] * len(protocol.toxicities)

    def holds(item: Condition) -> bool:
        return titration.condition_holds(
            item.kind, item.toxicities, item.mode, item.at_least, item.response, item.level, item.days,
            0.0, level, len(protocol.levels), 0, 0, 0, no_onsets, no_days, no_days, disease.STABLE, 0.0, 0.0, False,
        )  # fmt: skip

    places = (i for i, rule in enumerate(protocol.visit_rules) if titration.whole_holds(rule.condition, holds))
    return next(places, -1)


def _used_covariates(protocol: Protocol) -> list[int]:
    """Positions of the covariates that act, and of those whose scores are part of theirs, which stand above them."""
    used = {effect[0] for effect in (*_clock_effects(protocol), *protocol.sensitivity_effects)}
    used |= {item.covariate for item in protocol.first_levels}
    for i in reversed(range(len(protocol.covariates))):
        if i in used:
            used |= {other for other, _ in protocol.covariates[i].scores}
    return sorted(used)


def _covariate_rows(used: list[Covariate]) -> list[tuple[Any, ...]]:
    rows = []
    first = first_score = 0
    for item in used:
        after, after_scores = first + len(item.cumulative_shares), first_score + len(item.scores)
        scale = (item.distribution, item.location, item.spread, item.lowest_share, item.highest_share)
        rows.append((*scale, first, after, first_score, after_scores))
        first, first_score = after, after_scores
    return rows
