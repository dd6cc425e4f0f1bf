"""One patient's course: visits, assessments, and what toxicities, responses, progression and death do to it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import simpy

from trialsim.engines.reference.clock import RunningClock
from trialsim.engines.reference.treatment import Treatment
from trialsim.model import course, disease
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Clock
from trialsim.patients import VirtualPatient

if TYPE_CHECKING:
    from trialsim.engines.reference.trial import Trial

Course = Generator[simpy.Event, object, None]


class Patient:
    """A patient in the trial. `today` is the study day of whatever is happening to this patient now."""

    def __init__(self, trial: Trial, who: VirtualPatient) -> None:
        self.trial = trial
        self.env = trial.env
        self.protocol = trial.protocol
        self.who = who
        self.today = 0.0
        self.first_dose_day = float("nan")
        self.last_visit_day = 0.0
        self.state = disease.STABLE
        self.best_response_seen = disease.STABLE
        self.response_seen_day = 0.0  # since when; of stable disease, since the first dose
        self.is_under_observation = True
        self.is_evaluable = False
        self.has_progression_seen = False
        self.running: dict[str, RunningClock] = {}
        self.finished: set[str] = set()
        self.when_fires: dict[int, Callable[[RunningClock], None]] = {
            disease.TOXICITY: self.toxicity_begins,
            disease.DEATH: self.dies,
            disease.WITHDRAWAL: self.withdraws,
        }
        self.treatment = Treatment(self)

    # The course, in order.

    def course(self) -> Course:
        """Enrol, wait for the clinic if it has limited slots, take the first dose; the rest runs side by side."""
        self.trial.log(self, v.ENROLLED)
        if self.trial.clinic is not None:
            yield from self.trial.clinic.visit(lambda: True)
        self.first_dose_day = self.env.now
        self.treatment.start()
        self.review_clocks()
        self.env.process(self.visits())
        self.env.process(self.assessments())
        yield self.on_day(self.protocol.evaluable_after_days, v.ORDER_EVALUABLE)
        if self.is_under_observation:
            self.today = self.protocol.evaluable_after_days
            self.become_evaluable()

    def visits(self) -> Course:
        """Come to the clinic at each titration visit while on treatment; one that a full clinic overran is left out."""
        number = 0
        while self.treatment.is_on:
            number += 1
            while self.protocol.visit_day(number) <= self.last_visit_day:
                number += 1
            day = self.protocol.visit_day(number)
            yield self.on_day(day, v.ORDER_VISIT)
            if self.trial.clinic is not None and self.treatment.is_on:
                yield from self.trial.clinic.visit(lambda: self.treatment.is_on)
                day = course.study_day_of(self.env.now, self.first_dose_day, day)
            if self.treatment.is_on:
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
            yield self.on_day(day, v.ORDER_ASSESSMENT)
            if self.is_under_observation:
                self.today = day
                self.assess()

    # What clocks do when they fire.

    def toxicity_begins(self, fired: RunningClock) -> None:
        """A toxicity starts; it may resolve later, and the rules for onsets decide at once."""
        self.trial.log(self, v.TOXICITY_ONSET, clock=fired.position, occurrence=fired.occurrence)
        self.has_fired(fired)
        resolution = fired.clock.resolution
        if resolution is not None:
            self.start_clock(resolution, fired.position, fired.occurrence, 1.0, self.toxicity_resolves)
        self.treatment.toxicity_begins(fired.position)

    def toxicity_resolves(self, fired: RunningClock) -> None:
        """A toxicity ends; where it can recur, its clock starts again with a new threshold."""
        self.trial.log(self, v.TOXICITY_RESOLVED, clock=fired.position, occurrence=fired.occurrence)
        self.has_fired(fired)
        toxicity = self.protocol.clocks[fired.position]
        if toxicity.recurs:
            self.finished.discard(toxicity.name)
        self.treatment.toxicity_resolves(fired.position)
        self.review_clocks()

    def disease_moves(self, fired: RunningClock) -> None:
        """A response step, a relapse or a progression; it is seen at the next assessment."""
        self.has_fired(fired)
        self.state = disease.state_after(fired.clock.kind)
        event = v.RESPONSE if disease.is_response(self.state) else v.PROGRESSION
        self.trial.log(self, event, clock=fired.position, detail=self.state)
        self.review_clocks()
        if self.protocol.assessment_every_days == 0.0 and not self.has_progression_seen:
            self.assess()

    def dies(self, fired: RunningClock) -> None:
        """Death, from any state."""
        self.has_fired(fired)
        self.trial.log(self, v.DIED, clock=fired.position, detail=self.state)
        self.trial.count(v.COUNT_DEATHS)
        if self.protocol.counts_early_death:
            self.become_evaluable()
        self.leaves(v.DEATH)

    def withdraws(self, fired: RunningClock) -> None:
        """The patient leaves the study and is not followed any longer."""
        self.has_fired(fired)
        self.trial.log(self, v.WITHDREW, clock=fired.position, detail=self.state)
        self.leaves(v.WITHDRAWAL)

    # What is seen, and what follows from it.

    def assess(self) -> None:
        """See the present state of the disease. Progression, once seen, ends treatment and further assessments."""
        self.trial.log(self, v.ASSESSED, detail=self.state)
        if disease.is_progression(self.state):
            self.has_progression_seen = True
            self.trial.count(v.COUNT_PROGRESSIONS)
            if self.protocol.counts_early_progression:
                self.become_evaluable()
            self.treatment.end(v.PROGRESSION_SEEN)
        elif self.state > self.best_response_seen:
            if self.best_response_seen == disease.STABLE:
                self.trial.count(v.COUNT_RESPONSES)
            self.best_response_seen = self.state
            self.response_seen_day = self.today

    def become_evaluable(self) -> None:
        """Be evaluable for response from now on."""
        if not self.is_evaluable:
            self.is_evaluable = True
            self.trial.log(self, v.BECAME_EVALUABLE)
            self.trial.count(v.COUNT_EVALUABLE)

    def leaves(self, reason: int) -> None:
        """Treatment and observation end for this patient."""
        self.treatment.end(reason)
        self.is_under_observation = False
        for clock in self.running.values():
            clock.stop()
        self.running.clear()
        self.trial.log(self, v.OBSERVATION_ENDED, detail=reason)

    # Clocks.

    def review_clocks(self) -> None:
        """Stop the clocks that left their states, and start those that entered them."""
        for position, clock in enumerate(self.protocol.clocks):
            is_running = clock.name in self.running
            if is_running and not self.runs(clock):
                self.running.pop(clock.name).stop()
            elif not is_running and clock.name not in self.finished and self.runs(clock):
                occurrence = self.treatment.n_onsets_of(position) + 1
                then = self.when_fires.get(clock.kind, self.disease_moves)
                self.start_clock(clock, position, occurrence, self.who.multipliers[position], then)

    def runs(self, clock: Clock) -> bool:
        """Whether a clock belongs to the patient's present state."""
        return disease.runs(
            clock.states,
            clock.needs_treatment,
            clock.needs_sensitivity,
            self.state,
            self.treatment.is_on,
            self.who.is_sensitive,
        )

    def start_clock(
        self, clock: Clock, position: int, occurrence: int, multiplier: float, then: Callable[[RunningClock], None]
    ) -> None:
        """Start a clock today."""
        self.running[clock.name] = RunningClock(self, clock, position, occurrence, multiplier, then)

    def has_fired(self, fired: RunningClock) -> None:
        """Take a clock that has fired off the running ones; it does not start again by itself."""
        del self.running[fired.clock.name]
        self.finished.add(fired.clock.name)

    def dose_changed(self) -> None:
        """Interrupt every clock whose hazard depends on the dose."""
        for clock in self.running.values():
            if clock.clock.depends_on_dose:
                clock.dose_changed()

    # Time and chance.

    def on_day(self, study_day: float, order: int) -> simpy.Event:
        """The moment of a study day on the trial's calendar."""
        return self.env.at_study_day(self.first_dose_day + study_day, study_day, order)

    def threshold(self, clock: Clock, occurrence: int) -> float:
        """The patient's own unit-exponential threshold for one occurrence of a clock."""
        return self.trial.table.threshold(self.who.number, clock.code, occurrence)
