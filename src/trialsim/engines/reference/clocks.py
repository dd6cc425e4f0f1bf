"""Event clocks as SimPy processes: each waits for its moment, and a change of dose interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Final

import simpy

from trialsim.engines.reference.patient_state import PatientState
from trialsim.model import disease, event_order, hazards
from trialsim.model.protocol import Clock

DOSE_CHANGED: Final = "the dose changed"
STOPPED: Final = "the clock left its states"


class RunningClock:
    """A clock that runs in one patient from `started_day` (study day) until it fires or is stopped."""

    def __init__(
        self,
        patient: PatientState,
        clock: Clock,
        position: int,
        occurrence: int,
        multiplier: float,
        then: Callable[[RunningClock], None],
    ) -> None:
        """Start the clock on the patient's present day, or its delay later.

        `position` is its place in the protocol, `occurrence` (from 1) addresses its threshold, `multiplier` is the
        patient's own factor on the hazard, and `then` is what happens when it fires.
        """
        self.patient = patient
        self.clock = clock
        self.position = position
        self.occurrence = occurrence
        self.multiplier = multiplier
        self.then = then
        self.started_day = patient.today + clock.delay_days
        self.age_days = 0.0
        self.since_day = self.started_day  # of the present dose
        self.remaining = patient.threshold(clock, occurrence)
        self.process = patient.env.process(self.run())

    def stop(self) -> None:
        """End the clock before it fires."""
        self.process.interrupt(STOPPED)

    def dose_changed(self) -> None:
        """Interrupt the clock: the dose is another one from now on."""
        self.process.interrupt(DOSE_CHANGED)

    def run(self) -> Generator[simpy.Event, object, None]:
        """Wait until the threshold is used up; whenever the dose changes, compute the day of firing anew."""
        while True:
            intensity = self.intensity()
            pace = self.pace()
            clock = self.clock
            age = hazards.age_at_firing(
                self.age_days, self.remaining, intensity, clock.shape, clock.piece_days, clock.piece_ratios
            )
            fires_on = self.day_of_age(age, pace)
            try:
                yield self.patient.on_day(fires_on, event_order.CLOCK)
            except simpy.Interrupt as interrupt:
                if interrupt.cause is STOPPED:
                    return
                self.use_up(intensity, pace)
            else:
                break
        self.patient.today = fires_on
        self.then(self)

    def intensity(self) -> float:
        """The clock's intensity under the patient's present dose."""
        clock, reference_dose = self.clock, self.patient.protocol.reference_dose
        if clock.driven_by_exposure:
            return hazards.intensity(clock.coefficient, 1.0, self.multiplier)
        factor = hazards.dose_factor(self.patient.dose, reference_dose, clock.dose_exponent, clock.dose_floor)
        return hazards.intensity(clock.coefficient, factor, self.multiplier)

    def pace(self) -> float:
        """By how much the clock ages in a day under the patient's present dose."""
        clock, reference_dose = self.clock, self.patient.protocol.reference_dose
        is_driven = clock.driven_by_exposure
        return hazards.pace(self.patient.dose, reference_dose, clock.dose_exponent) if is_driven else 1.0

    def day_of_age(self, age: float, pace: float) -> float:
        """The study day on which the clock reaches an age."""
        if self.clock.driven_by_exposure:
            return hazards.day_of_firing(self.patient.today, self.since_day, self.age_days, age, pace)
        return self.started_day + age

    def use_up(self, intensity: float, pace: float) -> None:
        """Take the hazard since the last change off the threshold."""
        age = hazards.age_on(self.patient.today, self.started_day)
        if self.clock.driven_by_exposure:
            age = hazards.age_by_exposure(self.patient.today, self.since_day, self.age_days, pace)
            self.since_day = max(self.patient.today, self.started_day)
        clock = self.clock
        used = hazards.hazard_between(intensity, self.age_days, age, clock.shape, clock.piece_days, clock.piece_ratios)
        self.remaining = hazards.remaining_after(self.remaining, used)
        self.age_days = age


class PatientClocks:
    """The clocks of one patient: those that run, and those that have fired and do not start again."""

    def __init__(self, patient: PatientState, when_fires: Mapping[int, Callable[[RunningClock], None]]) -> None:
        """`when_fires` says what happens when a clock of each kind fires."""
        self.patient = patient
        self.when_fires = when_fires
        self.running: dict[str, RunningClock] = {}
        self.finished: set[str] = set()

    def review(self) -> None:
        """Stop the clocks that left their states, and start those that entered them."""
        for position, clock in enumerate(self.patient.protocol.clocks):
            is_running = clock.name in self.running
            if is_running and not self.runs(clock):
                self.running.pop(clock.name).stop()
            elif not is_running and clock.name not in self.finished and self.runs(clock):
                occurrence = self.patient.n_onsets_of(position) + 1
                multiplier = self.patient.who.multipliers[position]
                self.start(clock, position, occurrence, multiplier, self.when_fires[clock.kind])

    def runs(self, clock: Clock) -> bool:
        """Whether a clock belongs to the patient's present state."""
        return disease.runs(
            clock.states,
            clock.needs_treatment,
            clock.needs_sensitivity,
            self.patient.disease_state,
            self.patient.is_on_treatment,
            self.patient.who.is_sensitive,
        )

    def start(
        self, clock: Clock, position: int, occurrence: int, multiplier: float, then: Callable[[RunningClock], None]
    ) -> None:
        """Start a clock today."""
        self.running[clock.name] = RunningClock(self.patient, clock, position, occurrence, multiplier, then)

    def has_fired(self, fired: RunningClock) -> None:
        """Take a clock that has fired off the running ones; it does not start again by itself."""
        del self.running[fired.clock.name]
        self.finished.add(fired.clock.name)

    def allow_again(self, clock: Clock) -> None:
        """Let a clock that has fired start again, at the next review."""
        self.finished.discard(clock.name)

    def dose_changed(self) -> None:
        """Interrupt every clock whose hazard depends on the dose."""
        for clock in self.running.values():
            if clock.clock.depends_on_dose:
                clock.dose_changed()

    def stop_all(self) -> None:
        """Stop every clock."""
        for clock in self.running.values():
            clock.stop()
        self.running.clear()
