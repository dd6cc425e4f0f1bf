"""A strategy that is a Python function: what it is shown of a patient, and its decision as a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialsim.errors import StrategyError
from trialsim.model import disease, titration
from trialsim.model.protocol import Condition, Rule
from trialsim.model.strategy import Decision, Sight, Strategy

if TYPE_CHECKING:
    from trialsim.engines.reference.treatment import Treatment

_ALWAYS = Condition(titration.ALWAYS)


def rule_of(strategy: Strategy, treatment: Treatment, position: int, new: int) -> Rule | None:
    """What a strategy decides for a patient, as a rule without a number; None where it decides nothing.

    Raises `StrategyError` where it decides what cannot be done.
    """
    decision = strategy(sight_of(treatment, position, new))
    if decision is None:
        return None
    try:
        return as_rule(decision, treatment)
    except (TypeError, ValueError, KeyError) as error:
        raise StrategyError.of(strategy, decision, str(error)) from None


def sight_of(treatment: Treatment, position: int, new: int) -> Sight:
    """What is known of a patient, with names in place of masks."""
    patient = treatment.patient
    clocks = [patient.protocol.clocks[place] for place in patient.protocol.toxicities]

    def named(mask: int) -> frozenset[str]:
        return frozenset(clock.name for i, clock in enumerate(clocks) if (mask >> i) & 1)

    been = [(i, clock.name) for i, clock in enumerate(clocks) if (treatment.ever >> i) & 1]
    over = [(i, name) for i, name in been if not (treatment.ongoing >> i) & 1]
    return Sight(
        moment="visit" if position < 0 else "onset",
        study_day=patient.today,
        dose=treatment.dose,
        level=treatment.level,
        levels=treatment.levels,
        new=named(new),
        ongoing=named(treatment.ongoing),
        ever=named(treatment.ever),
        dose_limiting=frozenset(clock.name for clock in clocks if clock.is_dose_limiting),
        severe=frozenset(clock.name for clock in clocks if clock.is_severe),
        n_onsets={clock.name: treatment.n_onsets[i] for i, clock in enumerate(clocks)},
        onset_days={name: treatment.onset_days[i] for i, name in been},
        resolved_days={name: treatment.resolved_days[i] for i, name in over},
        response=disease.RESPONSE_NAMES[patient.best_response_seen],
        response_seen_day=patient.response_seen_day,
        dose_since_day=treatment.dose_since_day,
        was_reduced=treatment.was_reduced,
    )


def as_rule(decision: Decision, treatment: Treatment) -> Rule:
    """A decision as a rule that holds now. Raises `ValueError` for a dose or a toxicity that is not there."""
    action, wanted, until_over = decision
    levels, amount = treatment.levels, 0
    if action in (titration.ESCALATE, titration.REDUCE):
        amount = int(wanted)
        if amount < 1:
            raise ValueError("levels are counted from 1")
    elif action == titration.GO_TO:
        amount = levels.index(float(wanted))
    elif action == titration.HOLD:
        below = {"same": titration.RESUME_SAME, "lower": titration.RESUME_SAME - 1}
        amount = below[wanted] if isinstance(wanted, str) else levels.index(float(wanted))
    elif action not in (titration.KEEP, titration.STOP):
        raise ValueError("there is no such action")
    names = [treatment.patient.protocol.clocks[place].name for place in treatment.patient.protocol.toxicities]
    waits_for = sum(1 << names.index(name) for name in until_over)
    return Rule(0, "", _ALWAYS, action, amount, waits_for=waits_for)
