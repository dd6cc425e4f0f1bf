"""A strategy that is a Python function: what it is shown of a patient, and its decision as a rule."""

from __future__ import annotations

from trialsim.engines.reference.patient_state import PatientState
from trialsim.errors import StrategyError
from trialsim.model import disease, titration
from trialsim.model.rules import Condition, Rule
from trialsim.model.strategy import Decision, PatientView, Strategy

_ALWAYS = Condition(titration.ALWAYS)


def rule_of(strategy: Strategy, patient: PatientState, position: int, new: int) -> Rule | None:
    """What a strategy decides for a patient, as a rule without a number; None where it decides nothing.

    Raises `StrategyError` where it decides what cannot be done.
    """
    decision = strategy(patient_view(patient, position, new))
    if decision is None:
        return None
    try:
        return as_rule(decision, patient)
    except (TypeError, ValueError, KeyError) as error:
        raise StrategyError.of(strategy, decision, str(error)) from None


def patient_view(patient: PatientState, position: int, new: int) -> PatientView:
    """What is known of a patient, with names in place of masks."""
    clocks = [patient.protocol.clocks[place] for place in patient.protocol.toxicities]

    def named(mask: int) -> frozenset[str]:
        return frozenset(clock.name for i, clock in enumerate(clocks) if (mask >> i) & 1)

    been = [(i, clock.name) for i, clock in enumerate(clocks) if (patient.ever >> i) & 1]
    over = [(i, name) for i, name in been if not (patient.ongoing >> i) & 1]
    return PatientView(
        moment="visit" if position < 0 else "onset",
        study_day=patient.today,
        dose=patient.dose,
        level=patient.level,
        levels=patient.protocol.levels,
        new=named(new),
        ongoing=named(patient.ongoing),
        ever=named(patient.ever),
        dose_limiting=frozenset(clock.name for clock in clocks if clock.is_dose_limiting),
        severe=frozenset(clock.name for clock in clocks if clock.is_severe),
        n_onsets={clock.name: patient.n_onsets[i] for i, clock in enumerate(clocks)},
        onset_days={name: patient.onset_days[i] for i, name in been},
        resolved_days={name: patient.resolved_days[i] for i, name in over},
        response=_response(patient),
        response_seen_day=patient.response_seen_day,
        dose_since_day=patient.dose_since_day,
        was_reduced=patient.was_reduced,
    )


def _response(patient: PatientState) -> str:
    """The best response seen, by its short name."""
    best = patient.best_response_seen
    return patient.protocol.responses[best - 1].short if best > disease.STABLE else "none"


def as_rule(decision: Decision, patient: PatientState) -> Rule:
    """A decision as a rule that holds now. Raises `ValueError` for a dose or a toxicity that is not there."""
    action, wanted, until_over = decision
    levels, amount = patient.protocol.levels, 0
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
    names = [patient.protocol.clocks[place].name for place in patient.protocol.toxicities]
    waits_for = sum(1 << names.index(name) for name in until_over)
    return Rule(0, "", _ALWAYS, action, amount, waits_for=waits_for)
