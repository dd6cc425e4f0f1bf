"""One event clock as a SimPy process: it waits for its moment, and a change of dose interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final

import simpy

from trialsim.model import clock as hazard
from trialsim.model.protocol import Clock
from trialsim.model.vocabulary import ORDER_CLOCK

if TYPE_CHECKING:
    from trialsim.engines.reference.patient import Patient

DOSE_CHANGED: Final = "the dose changed"
STOPPED: Final = "the clock left its states"


class RunningClock:
    """A clock that runs in one patient from `started_day` (study day) until it fires or is stopped."""

    def __init__(
        self,
        patient: Patient,
        clock: Clock,
        position: int,
        occurrence: int,
        multiplier: float,
        then: Callable[[RunningClock], None],
    ) -> None:
        """Start the clock on the patient's present day.

        `position` is its place in the protocol, `occurrence` (from 1) addresses its threshold, `multiplier` is the
        patient's own factor on the hazard, and `then` is what happens when it fires.
        """
        self.patient = patient
        self.clock = clock
        self.position = position
        self.occurrence = occurrence
        self.multiplier = multiplier
        self.then = then
        self.started_day = patient.today
        self.age_days = 0.0
        self.remaining = patient.threshold(clock, occurrence)
        self.process = patient.env.process(self.run())

    def stop(self) -> None:
        """End the clock before it fires."""
        self.process.interrupt(STOPPED)

    def dose_changed(self) -> None:
        """Tell the clock that the dose is another one from now on."""
        self.process.interrupt(DOSE_CHANGED)

    def run(self) -> Generator[simpy.Event, object, None]:
        """Wait until the threshold is used up; whenever the dose changes, reckon anew from there."""
        while True:
            intensity = self.intensity()
            age = hazard.age_at_firing(self.age_days, self.remaining, intensity, self.clock.shape)
            fires_on = self.started_day + age
            try:
                yield self.patient.on_day(fires_on, ORDER_CLOCK)
            except simpy.Interrupt as interrupt:
                if interrupt.cause is STOPPED:
                    return
                self.use_up(intensity)
            else:
                break
        self.patient.today = fires_on
        self.then(self)

    def intensity(self) -> float:
        """The clock's intensity under the patient's present dose."""
        dose, reference_dose = self.patient.treatment.dose, self.patient.protocol.reference_dose
        factor = hazard.dose_factor(dose, reference_dose, self.clock.dose_exponent)
        return hazard.intensity(self.clock.coefficient, factor, self.multiplier)

    def use_up(self, intensity: float) -> None:
        """Take the hazard since the last change off the threshold."""
        age = self.patient.today - self.started_day
        used = hazard.hazard_between(intensity, self.age_days, age, self.clock.shape)
        self.remaining = hazard.remaining_after(self.remaining, used)
        self.age_days = age
