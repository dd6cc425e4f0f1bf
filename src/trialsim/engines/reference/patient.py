"""One patient's course: visits, assessments, and what toxicities, responses, progression and death do to it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import simpy

from trialsim.engines.reference.arm import Arm, Row
from trialsim.engines.reference.clocks import PatientClocks, RunningClock
from trialsim.engines.reference.patient_state import PatientState
from trialsim.engines.reference.treatment import Treatment
from trialsim.model import course, disease, event_order
from trialsim.model import vocabulary as v
from trialsim.model.draws import decision_code
from trialsim.model.protocol import MISSED_ASSESSMENT, severity_decision
from trialsim.patients import VirtualPatient

MISSED: Final = decision_code(MISSED_ASSESSMENT)
Course = Generator[simpy.Event, object, None]


class Patient(PatientState):
    """A patient in the trial."""

    def __init__(self, arm: Arm, who: VirtualPatient) -> None:
        super().__init__(arm, who)
        self.clocks = PatientClocks(
            self,
            {
                disease.TOXICITY: self.toxicity_begins,
                disease.RESPONSE: self.disease_moves,
                disease.RELAPSE: self.disease_moves,
                disease.PROGRESSION: self.disease_moves,
                disease.DEATH: self.dies,
                disease.WITHDRAWAL: self.withdraws,
                disease.DISCONTINUATION: self.discontinues,
            },
        )
        self.treatment = Treatment(self, self.clocks)

    # The course, in order.

    def course(self) -> Course:
        """Enrol, wait for the clinic if it has limited slots, take the first dose; the rest runs side by side."""
        self.log(v.ENROLLED)
        if self.arm.clinic is not None:
            yield from self.arm.clinic.visit(lambda: True)
        self.first_dose_day = self.env.now
        self.treatment.start()
        self.clocks.review()
        self.env.process(self.visits())
        self.env.process(self.assessments())
        yield self.on_day(self.protocol.evaluable_after_days, event_order.EVALUABLE)
        if self.is_under_observation:
            self.today = self.protocol.evaluable_after_days
            self.become_evaluable()

    def visits(self) -> Course:
        """Come to the clinic at each titration visit while on treatment; one that a full clinic overran is left out."""
        number = 0
        while self.is_on_treatment:
            number += 1
            while self.protocol.visit_day(number) <= self.last_visit_day:
                number += 1
            day = self.protocol.visit_day(number)
            yield self.on_day(day, event_order.VISIT)
            if self.arm.clinic is not None and self.is_on_treatment:
                yield from self.arm.clinic.visit(lambda: self.is_on_treatment)
                day = course.study_day_of(self.env.now, self.first_dose_day, day)
            if self.is_on_treatment:
                self.today = self.last_visit_day = day
                self.treatment.visit()

    def assessments(self) -> Course:
        """Look at the disease at each assessment, until progression is seen."""
        if self.protocol.assessment_every_days == 0.0:
            return  # looked at all the time: see `disease_moves`
        number = 0
        while self.is_under_observation and not self.has_progression_seen:
            number += 1
            day = course.repeated_day(number, self.protocol.assessment_every_days)
            yield self.on_day(day, event_order.ASSESSMENT)
            if self.is_under_observation:
                self.today = day
                if self.misses_assessment(number):
                    self.log(v.ASSESSMENT_MISSED)
                else:
                    self.assess()

    def misses_assessment(self, number: int) -> bool:
        """Whether the patient misses an assessment, numbered from 1."""
        p_missed = self.protocol.p_missed_assessment
        return p_missed > 0.0 and self.arm.table.uniform(self.who.number, MISSED, number) < p_missed

    # What clocks do when they fire.

    def toxicity_begins(self, fired: RunningClock) -> None:
        """A toxicity starts; it may resolve later, and the rules for onsets decide at once."""
        positions = (fired.position, *self.parts_reached(fired))
        for position in positions:
            self.log(v.TOXICITY_ONSET, clock=position, occurrence=fired.occurrence)
        self.clocks.has_fired(fired)
        resolution = fired.clock.resolution
        if resolution is not None:
            self.clocks.start(resolution, fired.position, fired.occurrence, 1.0, self.toxicity_resolves)
        self.treatment.toxicity_begins(positions)

    def parts_reached(self, fired: RunningClock) -> list[int]:
        """The parts of a toxicity, such as its higher grades, that an onset is severe enough for."""
        parts = self.protocol.parts_of(fired.position)
        if not parts:
            return []
        code = decision_code(severity_decision(fired.clock.name))
        severity = self.arm.table.uniform(self.who.number, code, fired.occurrence)
        return [part for part in parts if severity < self.protocol.clocks[part].share]

    def toxicity_resolves(self, fired: RunningClock) -> None:
        """A toxicity ends; where it can recur, its clock starts again with a new threshold."""
        parts = [part for part in self.protocol.parts_of(fired.position) if self.is_ongoing(part)]
        for position in (fired.position, *parts):
            self.log(v.TOXICITY_RESOLVED, clock=position, occurrence=fired.occurrence)
        self.clocks.has_fired(fired)
        toxicity = self.protocol.clocks[fired.position]
        if toxicity.recurs:
            self.clocks.allow_again(toxicity)
        self.treatment.toxicity_resolves((fired.position, *parts))
        self.clocks.review()

    def disease_moves(self, fired: RunningClock) -> None:
        """A response step, a relapse or a progression; it is seen at the next assessment."""
        self.clocks.has_fired(fired)
        self.disease_state = disease.state_after(fired.clock.kind, fired.clock.response)
        event = v.RESPONSE if disease.is_response(self.disease_state) else v.PROGRESSION
        self.log(event, clock=fired.position, detail=self.disease_state)
        self.clocks.review()
        if self.protocol.assessment_every_days == 0.0 and not self.has_progression_seen:
            self.assess()

    def dies(self, fired: RunningClock) -> None:
        """Death, from any state."""
        self.clocks.has_fired(fired)
        self.log(v.DIED, clock=fired.position, detail=self.disease_state)
        self.arm.count(v.COUNT_DEATHS)
        if self.protocol.counts_early_death:
            self.become_evaluable()
        self.leaves(v.DEATH)

    def withdraws(self, fired: RunningClock) -> None:
        """The patient leaves the study and is not followed any longer."""
        self.clocks.has_fired(fired)
        self.log(v.WITHDREW, clock=fired.position, detail=self.disease_state)
        self.leaves(v.WITHDRAWAL)

    def discontinues(self, fired: RunningClock) -> None:
        """Treatment ends for good though no rule asks for it; the patient stays under observation."""
        self.clocks.has_fired(fired)
        self.log(v.DISCONTINUED, clock=fired.position, detail=self.disease_state)
        self.treatment.end(v.DISCONTINUATION)

    # What is seen, and what follows from it.

    def assess(self) -> None:
        """See the present state of the disease. Progression, once seen, ends treatment and further assessments."""
        self.log(v.ASSESSED, detail=self.disease_state)
        if disease.is_progression(self.disease_state):
            self.has_progression_seen = True
            self.arm.count(v.COUNT_PROGRESSIONS)
            if self.protocol.counts_early_progression:
                self.become_evaluable()
            self.treatment.end(v.PROGRESSION_SEEN)
        elif self.disease_state > self.best_response_seen:
            if self.best_response_seen < self.protocol.first_response <= self.disease_state:
                self.arm.count(v.COUNT_RESPONSES)
            for response in range(self.best_response_seen + 1, self.disease_state + 1):
                self.first_seen_days[response] = self.today
            self.best_response_seen = self.disease_state
            self.response_seen_day = self.today
        if disease.is_response(self.disease_state):
            self.confirm()

    def confirm(self) -> None:
        """A response that was seen long enough ago is still there: it is confirmed."""
        for response in reversed(self.first_seen_days):
            seen_day, wait = self.first_seen_days[response], self.protocol.confirmation_days
            if response > self.best_response_confirmed and disease.confirms(seen_day, self.today, wait):
                self.best_response_confirmed = response
                self.log(v.RESPONSE_CONFIRMED, detail=response)

    def become_evaluable(self) -> None:
        """Be evaluable for response from now on."""
        if not self.is_evaluable:
            self.is_evaluable = True
            self.log(v.BECAME_EVALUABLE)
            self.arm.count(v.COUNT_EVALUABLE)

    def leaves(self, reason: int) -> None:
        """Treatment and observation end for this patient."""
        self.treatment.end(reason)
        self.is_under_observation = False
        self.clocks.stop_all()
        self.log(v.OBSERVATION_ENDED, detail=reason)

    def end_at_cut_off(self) -> None:
        """Observation ends at the data cut-off, for a patient who is still in it."""
        self.today = course.study_day_of(self.env.now, self.first_dose_day, self.today)
        self.arm.write(Row(self.who.number, self.env.now, self.today, v.OBSERVATION_ENDED, detail=v.CUT_OFF))
