"""What the compiled trial reads of a protocol: one record and a few tables. Every scenario has the same types."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from trialsim.compiled.jit import inline, table_at

Record = Any  # a NumPy record, or a table of records or numbers; NumPy's types do not know the fields

FLOAT: Final = np.dtype("f8")
INTEGER: Final = np.dtype("i8")
CODE: Final = np.dtype("u8")
# A slot is a place in which a clock may run: the clocks of the protocol in their order, then the one that ends each
# toxicity that resolves. `toxicity` is a place in masks or -1, `resolution` a slot or -1, `position` a clock's number.
# Its parts (slots without a clock) stand in the table `parts` from `first_part` on.
SLOT: Final = np.dtype(
    [("coefficient", "f8"), ("shape", "f8"), ("delay_days", "f8"), ("code", "u8"), ("states", "i8"), ("kind", "i8"),
     ("response", "i8"), ("toxicity", "i8"), ("first_part", "i8"), ("after_parts", "i8"), ("severity_code", "u8"),
     ("share", "f8"), ("resolution", "i8"), ("position", "i8"), ("first_effect", "i8"), ("after_effects", "i8"),
     ("first_piece", "i8"), ("after_pieces", "i8"), ("frailty", "i8"),
     ("depends_on_dose", "?"), ("by_exposure", "?"), ("needs_treatment", "?"), ("needs_sensitivity", "?"),
     ("recurs", "?")],
    align=True,
)  # fmt: skip
RULE: Final = np.dtype(
    [("number", "i8"), ("action", "i8"), ("amount", "i8"), ("waits_for", "i8"), ("first_condition", "i8"),
     ("stops_at_lowest", "?"), ("once", "?"), ("ends_loading", "?")], align=True
)  # fmt: skip
# A condition without parts. Groups of them are in where to go on: `if_true` and `if_false` are places of conditions, or
# say that the rule holds or not.
CONDITION: Final = np.dtype(
    [("kind", "i8"), ("toxicities", "i8"), ("mode", "i8"), ("at_least", "i8"), ("response", "i8"), ("level", "i8"),
     ("days", "f8"), ("if_true", "i8"), ("if_false", "i8")], align=True
)  # fmt: skip
RULE_HOLDS: Final = -1
RULE_FAILS: Final = -2
FRAILTY: Final = np.dtype([("sd_log", "f8"), ("p_long_term", "f8")], align=True)
EFFECT: Final = np.dtype([("covariate", "i8"), ("category", "i8"), ("reference", "f8"), ("weight", "f8")], align=True)
COVARIATE: Final = np.dtype(
    [("distribution", "i8"), ("location", "f8"), ("spread", "f8"), ("lowest_share", "f8"), ("highest_share", "f8"),
     ("first_share", "i8"), ("after_shares", "i8"), ("first_score", "i8"), ("after_scores", "i8")], align=True
)  # fmt: skip
FIRST_LEVEL: Final = np.dtype(
    [("covariate", "i8"), ("category", "i8"), ("at_least", "f8"), ("below", "f8"), ("level", "i8")], align=True
)
SCORE: Final = np.dtype([("covariate", "i8"), ("weight", "f8")], align=True)

# The tables of a plan: name and the type of a row.
# dose_slots, personal_slots   slots whose hazard depends on the dose; slots with a factor of the patient's own
# visit_days, assessment_days  study day by number, 0 for none
# dose_factors                 (dose/reference)^exponent, slot by slot, for dose 0 and each level
# parts                        slots of the parts of each toxicity
# piece_days, piece_ratios     ages from which the hazard of each piecewise clock is another one, and by what factor
# quiet_rules                  by level, the visit rule that decides as long as nothing has happened
# covariates                   those that have effects, or that such a one is correlated with
# first_levels                 levels at which patients with certain baseline values begin
# scores                       whose weighted sum is the score of each correlated covariate
# decisions                    codes of the draws that every patient needs once: sensitivity, covariates, frailties,
#                              clocks
# reported                     toxicities that outcomes count
TABLES: Final = {
    "slots": SLOT, "dose_slots": INTEGER, "personal_slots": INTEGER, "visit_days": FLOAT, "assessment_days": FLOAT,
    "dose_factors": FLOAT, "piece_days": FLOAT, "piece_ratios": FLOAT,
    "parts": INTEGER, "levels": FLOAT, "quiet_rules": INTEGER, "onset_rules": RULE,
    "visit_rules": RULE, "conditions": CONDITION, "effects": EFFECT, "first_levels": FIRST_LEVEL,
    "covariates": COVARIATE, "shares": FLOAT,
    "scores": SCORE, "frailties": FRAILTY, "decisions": CODE, "starts": FLOAT, "rates": FLOAT, "reported": INTEGER,
}  # fmt: skip
PLAN: Final = np.dtype(
    [("n_patients", "i8"), ("window_days", "f8"), ("closes_day", "f8"), ("p_ineligible", "f8"),
     ("p_sensitive", "f8"), ("first_sensitivity_effect", "i8"), ("visit_every_days", "f8"),
     ("assessment_every_days", "f8"), ("visits_per_day", "f8"), ("assessments_per_day", "f8"), ("first_level", "i8"),
     ("n_early_visits", "i8"), ("early_visits_end_day", "f8"), ("visits_depend_on_time", "?"),
     ("dose_share", "f8"), ("p_missed_assessment", "f8"), ("missed_assessment", "u8"), ("confirmation_days", "f8"),
     ("evaluable_after_days", "f8"), ("cut_off_kind", "i8"), ("cut_off_day", "f8"), ("counted", "i8"),
     ("count", "i8"), ("n_responses", "i8"), ("first_response", "i8"), ("severe", "i8"), ("whole", "i8"),
     ("arrival", "u8"), ("eligibility", "u8"), ("n_clocks", "i8"), ("n_toxicities", "i8"),
     ("counts_early_progression", "?"), ("counts_early_death", "?"), *((f"{name}_at", "u8") for name in TABLES),
     *((f"n_{name}", "i8") for name in TABLES)], align=True
)  # fmt: skip

# The tables, for compiled functions.


@inline
def slots(plan: Record) -> Record:
    """Every slot in which a clock may run."""
    return table_at(plan.slots_at, plan.n_slots, SLOT)


@inline
def dose_slots(plan: Record) -> Record:
    """The slots whose hazard depends on the dose."""
    return table_at(plan.dose_slots_at, plan.n_dose_slots, INTEGER)


@inline
def personal_slots(plan: Record) -> Record:
    """The slots whose hazard has a factor of the patient's own: effects of baseline values, or a frailty."""
    return table_at(plan.personal_slots_at, plan.n_personal_slots, INTEGER)


@inline
def dose_factor(plan: Record, slot: int, level: int) -> float:
    """`(dose/reference)^exponent` of a slot at a level, or at dose 0 for level -1."""
    factors = table_at(plan.dose_factors_at, plan.n_dose_factors, FLOAT)
    return float(factors[slot * (plan.n_levels + 1) + level + 1])


@inline
def piece_days(plan: Record, slot_plan: Record) -> Record:
    """The ages from which the hazard of a slot is another one."""
    return table_at(plan.piece_days_at, plan.n_piece_days, FLOAT)[slot_plan.first_piece : slot_plan.after_pieces]


@inline
def piece_ratios(plan: Record, slot_plan: Record) -> Record:
    """By what factor it is another one from each of these ages on."""
    return table_at(plan.piece_ratios_at, plan.n_piece_ratios, FLOAT)[slot_plan.first_piece : slot_plan.after_pieces]


@inline
def parts(plan: Record, slot_plan: Record) -> Record:
    """The slots of the parts of a toxicity."""
    return table_at(plan.parts_at, plan.n_parts, INTEGER)[slot_plan.first_part : slot_plan.after_parts]


@inline
def levels(plan: Record) -> Record:
    """The doses of the ladder, mg/day."""
    return table_at(plan.levels_at, plan.n_levels, FLOAT)


@inline
def quiet_rule(plan: Record, level: int) -> int:
    """The place of the rule that decides at a visit at a level when nothing has happened yet, -1 for none."""
    return int(table_at(plan.quiet_rules_at, plan.n_quiet_rules, INTEGER)[level])


@inline
def onset_rules(plan: Record) -> Record:
    """The rules for the onset of a toxicity."""
    return table_at(plan.onset_rules_at, plan.n_onset_rules, RULE)


@inline
def visit_rules(plan: Record) -> Record:
    """The rules for visits."""
    return table_at(plan.visit_rules_at, plan.n_visit_rules, RULE)


@inline
def conditions(plan: Record) -> Record:
    """The conditions of all rules."""
    return table_at(plan.conditions_at, plan.n_conditions, CONDITION)


@inline
def effects(plan: Record) -> Record:
    """The effects of baseline covariates on clocks, and after them those on sensitivity."""
    return table_at(plan.effects_at, plan.n_effects, EFFECT)


@inline
def first_levels(plan: Record) -> Record:
    """The levels at which some patients begin."""
    return table_at(plan.first_levels_at, plan.n_first_levels, FIRST_LEVEL)


@inline
def covariates(plan: Record) -> Record:
    """The covariates that are needed."""
    return table_at(plan.covariates_at, plan.n_covariates, COVARIATE)


@inline
def scores(plan: Record) -> Record:
    """The weighted scores of all correlated covariates."""
    return table_at(plan.scores_at, plan.n_scores, SCORE)


@inline
def shares(plan: Record, first: int, after: int) -> Record:
    """The cumulative shares of one categorical covariate."""
    return table_at(plan.shares_at, plan.n_shares, FLOAT)[first:after]


@inline
def frailties(plan: Record) -> Record:
    """The frailties."""
    return table_at(plan.frailties_at, plan.n_frailties, FRAILTY)


@inline
def decisions(plan: Record) -> Record:
    """The codes of the draws that every patient needs once."""
    return table_at(plan.decisions_at, plan.n_decisions, CODE)


@inline
def starts(plan: Record) -> Record:
    """The days on which the intervals of the accrual rate begin."""
    return table_at(plan.starts_at, plan.n_starts, FLOAT)


@inline
def rates(plan: Record) -> Record:
    """The accrual rate in each interval, per day."""
    return table_at(plan.rates_at, plan.n_rates, FLOAT)


@inline
def reported(plan: Record) -> Record:
    """The toxicities that outcomes count, as places in a mask."""
    return table_at(plan.reported_at, plan.n_reported, INTEGER)
