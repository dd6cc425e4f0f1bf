"""What a patient takes: the decisions at visits and onsets, and the dose that follows from them."""

from __future__ import annotations

from collections.abc import Iterable

from trialsim.engines.reference.arm import NOTHING_SEEN, Seen
from trialsim.engines.reference.clocks import PatientClocks
from trialsim.engines.reference.patient_state import PatientState
from trialsim.engines.reference.strategy_adapter import rule_of
from trialsim.model import titration
from trialsim.model import vocabulary as v
from trialsim.model.rules import Condition, Rule


class Treatment:
    """The treatment of one patient: a level on the ladder, or dose 0 while held or after the end."""

    def __init__(self, patient: PatientState, clocks: PatientClocks) -> None:
        self.patient = patient
        self.clocks = clocks
        self.levels = patient.protocol.levels
        self.decided: set[int] = set()  # the rules that have decided and may do so only once
        self.waiting_for = 0  # mask of toxicities that a hold waits for
        self.held_by: Rule | None = None
        self.seen: Seen = NOTHING_SEEN

    def start(self) -> None:
        """The first dose."""
        self.patient.is_on_treatment = True
        self.patient.dose = self.levels[self.patient.level]
        self.patient.log(v.FIRST_DOSE, dose_from=0.0, dose_to=self.patient.dose)

    def end(self, reason: int) -> None:
        """Treatment ends for good."""
        if not self.patient.is_on_treatment:
            return
        self.patient.is_on_treatment = False
        before, self.patient.dose = self.patient.dose, 0.0
        self.patient.log(v.TREATMENT_ENDED, detail=reason, dose_from=before, dose_to=0.0)
        self.clocks.review()
        if before != 0.0:
            self.clocks.dose_changed()

    # What happens.

    def visit(self) -> None:
        """A titration visit: the first rule that holds decides. While the drug is held there is nothing to decide."""
        if self.held_by is not None:
            self.look(self.patient.new)
            self.record(titration.STILL_HELD, self.held_by, -1, self.patient.dose)
        else:
            self.decide(self.patient.protocol.visit_rules, -1, self.patient.new)
        self.patient.new = 0

    def toxicity_begins(self, positions: tuple[int, ...]) -> None:
        """Record a toxicity, and its parts that began with it; the rules for onsets see these as the only new ones."""
        new = 0
        for position in positions:
            index = self.patient.toxicity_bits[position]
            self.patient.n_onsets[index] += 1
            self.patient.onset_days[index] = self.patient.today
            new |= 1 << index
        self.patient.new |= new
        self.patient.ongoing |= new
        self.patient.ever |= new
        if self.patient.is_on_treatment:
            self.decide(self.patient.protocol.onset_rules, positions[0], new)

    def toxicity_resolves(self, positions: tuple[int, ...]) -> None:
        """Record that a toxicity is over, with its parts; a hold ends when all that it waits for are."""
        for position in positions:
            self.patient.ongoing &= ~(1 << self.patient.toxicity_bits[position])
            self.patient.resolved_days[self.patient.toxicity_bits[position]] = self.patient.today
        if self.patient.is_on_treatment and self.held_by is not None and not self.waiting_for & self.patient.ongoing:
            rule, self.held_by, self.waiting_for = self.held_by, None, 0
            self.look(0)
            self.record(titration.RESUME, rule, positions[0], self.levels[self.patient.level])

    # Decisions.

    def look(self, new: int) -> None:
        """Record what is seen of the patient, for the log of the decision."""
        patient = self.patient
        self.seen = (
            new,
            patient.ongoing,
            patient.n_onsets_in_all(),
            self.levels[patient.level],
            patient.best_response_seen,
            patient.today - patient.response_seen_day,
            patient.today - patient.dose_since_day,
        )

    def decide(self, rules: Iterable[Rule], position: int, new: int) -> None:
        """Let the first rule that holds act, or the strategy; at a visit where none does, the dose is kept."""
        self.look(new)
        if self.patient.protocol.strategy is not None:
            rule = rule_of(self.patient.protocol.strategy, self.patient, position, new)
        else:
            rule = next((rule for rule in rules if self.may_decide(rule, new)), None)
        if rule is not None:
            self.act(rule, position)
        elif position < 0:
            self.record(titration.KEEP, None, position, self.patient.dose)

    def may_decide(self, rule: Rule, new: int) -> bool:
        """Whether a rule holds today and has not decided before if it may do so only once."""
        if rule.number in self.decided:
            return False
        return titration.whole_holds(rule.condition, lambda condition: self.holds(condition, new))

    def holds(self, condition: Condition, new: int) -> bool:
        """Whether a condition without parts holds today."""
        return titration.condition_holds(
            condition.kind,
            condition.toxicities,
            condition.mode,
            condition.at_least,
            condition.response,
            condition.level,
            condition.days,
            self.patient.today,
            self.patient.level,
            len(self.levels),
            new,
            self.patient.ongoing,
            self.patient.ever,
            self.patient.n_onsets,
            self.patient.onset_days,
            self.patient.resolved_days,
            self.patient.best_response_seen,
            self.patient.response_seen_day,
            self.patient.dose_since_day,
            self.patient.was_reduced,
        )

    def act(self, rule: Rule, position: int) -> None:
        """Do what a rule says: move on the ladder, hold until the toxicities that it names are over, or stop."""
        if rule.once:
            self.decided.add(rule.number)
        if rule.action == titration.STOP or (rule.stops_at_lowest and self.patient.level == 0):
            self.record(titration.STOP, rule, position, 0.0)
            self.end(v.TOXICITY_STOP)
            return
        before = self.patient.level
        if rule.action == titration.HOLD:
            self.hold(rule)
        else:
            self.patient.level = titration.level_after(rule.action, rule.amount, self.patient.level, len(self.levels))
        if self.waiting_for or (self.patient.level < before and not rule.ends_loading):
            self.patient.was_reduced = True
        dose = 0.0 if self.waiting_for else self.levels[self.patient.level]
        self.record(rule.action, rule, position, dose)

    def hold(self, rule: Rule) -> None:
        """Hold the drug until the toxicities that the rule names are over, if one of them is there."""
        masks = (rule.waits_for, self.waiting_for, self.patient.ongoing)
        self.patient.level = titration.level_after_hold(rule.amount, *masks, self.patient.level, len(self.levels))
        self.waiting_for = titration.waiting_after_hold(*masks)
        if rule.waits_for & self.patient.ongoing:
            self.held_by = rule

    def record(self, action: int, rule: Rule | None, position: int, dose: float) -> None:
        """Log a decision with what was seen, and give the dose that it asks for."""
        before, self.patient.dose = self.patient.dose, dose
        self.patient.log(
            v.DECISION,
            clock=position,
            detail=action,
            rule=rule.number if rule is not None else 0,
            dose_from=before,
            dose_to=dose,
            seen=self.seen,
        )
        if dose != before:
            self.patient.dose_since_day = self.patient.today
            self.clocks.dose_changed()
