"""What a patient takes: the dose, the toxicities that the doctor knows of, and the decisions at visits and onsets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trialsim.engines.reference.strategy_adapter import rule_of
from trialsim.model import titration
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Condition, Rule

if TYPE_CHECKING:
    from trialsim.engines.reference.patient import Patient

# What a decision saw: new and ongoing toxicities (masks), onsets so far, the level's dose, the best response seen, days
# since it was seen first, days since the last change of dose.
Seen = tuple[int, int, int, float, int, float, float]
NOTHING_SEEN: Seen = (0, 0, 0, float("nan"), 0, float("nan"), float("nan"))


class Treatment:
    """The treatment of one patient: a level on the ladder, or dose 0 while held or after the end."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self.levels = patient.protocol.levels
        self.index_of = {position: i for i, position in enumerate(patient.protocol.toxicities)}
        self.n_onsets = [0] * len(self.index_of)
        self.onset_days = [0.0] * len(self.index_of)  # of the last onset of each
        self.resolved_days = [0.0] * len(self.index_of)
        self.new = self.ongoing = self.ever = 0  # masks of toxicities
        self.is_on = False
        self.level = patient.protocol.first_level
        self.dose_since_day = 0.0
        self.was_reduced = False
        self.decided: set[int] = set()  # the rules that have decided and may do so only once
        self.waiting_for = 0  # mask of toxicities that a hold waits for
        self.held_by: Rule | None = None
        self.dose = 0.0
        self.seen: Seen = NOTHING_SEEN

    def start(self) -> None:
        """The first dose."""
        self.is_on = True
        self.dose = self.levels[self.level]
        self.patient.trial.log(self.patient, v.FIRST_DOSE, dose_from=0.0, dose_to=self.dose)

    def end(self, reason: int) -> None:
        """Treatment ends for good."""
        if not self.is_on:
            return
        self.is_on = False
        before, self.dose = self.dose, 0.0
        self.patient.trial.log(self.patient, v.TREATMENT_ENDED, detail=reason, dose_from=before, dose_to=0.0)
        self.patient.review_clocks()
        if before != 0.0:
            self.patient.dose_changed()

    # What happens.

    def visit(self) -> None:
        """A titration visit: the first rule that holds decides. While the drug is held there is nothing to decide."""
        if self.held_by is not None:
            self.look(self.new)
            self.record(titration.STILL_HELD, self.held_by, -1, self.dose)
        else:
            self.decide(self.patient.protocol.visit_rules, -1, self.new)
        self.new = 0

    def toxicity_begins(self, position: int) -> None:
        """Take note of a toxicity; the rules for onsets see it as the only new one."""
        index = self.index_of[position]
        bit = 1 << index
        self.n_onsets[index] += 1
        self.onset_days[index] = self.patient.today
        self.new |= bit
        self.ongoing |= bit
        self.ever |= bit
        if self.is_on:
            self.decide(self.patient.protocol.onset_rules, position, bit)

    def toxicity_resolves(self, position: int) -> None:
        """Take note that a toxicity is over; a hold ends when all that it waits for are."""
        self.ongoing &= ~(1 << self.index_of[position])
        self.resolved_days[self.index_of[position]] = self.patient.today
        if self.is_on and self.held_by is not None and not self.waiting_for & self.ongoing:
            rule, self.held_by, self.waiting_for = self.held_by, None, 0
            self.look(0)
            self.record(titration.RESUME, rule, position, self.levels[self.level])

    def n_onsets_of(self, position: int) -> int:
        """How many onsets a clock has had so far (0 for a clock that is no toxicity)."""
        return self.n_onsets[self.index_of[position]] if position in self.index_of else 0

    # Decisions.

    def look(self, new: int) -> None:
        """Note what is seen of the patient, for the log of what comes of it."""
        patient = self.patient
        self.seen = (
            new,
            self.ongoing,
            sum(self.n_onsets),
            self.levels[self.level],
            patient.best_response_seen,
            patient.today - patient.response_seen_day,
            patient.today - self.dose_since_day,
        )

    def decide(self, rules: Iterable[Rule], position: int, new: int) -> None:
        """Let the first rule that holds act, or the strategy; at a visit where none does, the dose is kept."""
        self.look(new)
        if self.patient.protocol.strategy is not None:
            rule = rule_of(self.patient.protocol.strategy, self, position, new)
        else:
            rule = next((rule for rule in rules if self.may_decide(rule, new)), None)
        if rule is not None:
            self.act(rule, position)
        elif position < 0:
            self.record(titration.KEEP, None, position, self.dose)

    def may_decide(self, rule: Rule, new: int) -> bool:
        """Whether a rule holds for what is known today, and has not decided before if it may do so only once."""
        if rule.number in self.decided:
            return False
        return titration.whole_holds(rule.condition, lambda condition: self.holds(condition, new))

    def holds(self, condition: Condition, new: int) -> bool:
        """Whether a condition without parts holds for what is known today."""
        return titration.condition_holds(
            condition.kind,
            condition.toxicities,
            condition.mode,
            condition.at_least,
            condition.response,
            condition.level,
            condition.days,
            self.patient.today,
            self.level,
            len(self.levels),
            new,
            self.ongoing,
            self.ever,
            self.n_onsets,
            self.onset_days,
            self.resolved_days,
            self.patient.best_response_seen,
            self.patient.response_seen_day,
            self.dose_since_day,
            self.was_reduced,
        )

    def act(self, rule: Rule, position: int) -> None:
        """Do what a rule says: move on the ladder, hold until the toxicities that it names are over, or stop."""
        if rule.once:
            self.decided.add(rule.number)
        if rule.action == titration.STOP or (rule.stops_at_lowest and self.level == 0):
            self.record(titration.STOP, rule, position, 0.0)
            self.end(v.TOXICITY_STOP)
            return
        before = self.level
        if rule.action == titration.HOLD:
            self.hold(rule)
        else:
            self.level = titration.level_after(rule.action, rule.amount, self.level, len(self.levels))
        if self.waiting_for or (self.level < before and not rule.ends_loading):
            self.was_reduced = True
        dose = 0.0 if self.waiting_for else self.levels[self.level]
        self.record(rule.action, rule, position, dose)

    def hold(self, rule: Rule) -> None:
        """Hold the drug until the toxicities that the rule names are over, if one of them is there."""
        masks = (rule.waits_for, self.waiting_for, self.ongoing)
        self.level = titration.level_after_hold(rule.amount, *masks, self.level, len(self.levels))
        self.waiting_for = titration.waiting_after_hold(*masks)
        if rule.waits_for & self.ongoing:
            self.held_by = rule

    def record(self, action: int, rule: Rule | None, position: int, dose: float) -> None:
        """Log a decision with what was seen, and give the dose that it asks for."""
        before, self.dose = self.dose, dose
        self.patient.trial.log(
            self.patient,
            v.DECISION,
            clock=position,
            detail=action,
            rule=rule.number if rule is not None else 0,
            dose_from=before,
            dose_to=dose,
            seen=self.seen,
        )
        if dose != before:
            self.dose_since_day = self.patient.today
            self.patient.dose_changed()
