"""Where a patient stands: time, disease, what was seen of it, the drug, and the toxicities that the doctor knows of."""

from __future__ import annotations

import simpy

from trialsim.engines.reference.arm import NAN, NOTHING_SEEN, Arm, Row, Seen
from trialsim.model import disease, titration
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Clock
from trialsim.patients import VirtualPatient


class PatientState:
    """The state of a patient. `today` is the study day of whatever is happening to this patient now."""

    def __init__(self, arm: Arm, who: VirtualPatient) -> None:
        self.arm = arm
        self.env = arm.env
        self.protocol = arm.protocol
        self.who = who
        # Time.
        self.today = 0.0
        self.first_dose_day = NAN
        self.last_visit_day = 0.0
        # Disease.
        self.disease_state = disease.STABLE
        self.best_response_seen = disease.STABLE
        self.first_seen_days = dict.fromkeys(
            range(1, len(arm.protocol.responses) + 1), NAN
        )  # of a response at least as good
        self.best_response_confirmed = disease.STABLE
        self.response_seen_day = 0.0  # since when; of stable disease, since the first dose
        self.is_under_observation = True
        self.is_evaluable = False
        self.has_progression_seen = False
        # Drug.
        self.is_on_treatment = False
        self.level = next(
            (
                item.level
                for item in arm.protocol.first_levels
                if titration.begins_there(who.baseline[item.covariate], item.category, item.at_least, item.below)
            ),
            arm.protocol.first_level,
        )
        self.dose = 0.0  # mg/day; 0 while held, and after the end of treatment
        self.dose_since_day = 0.0
        self.was_reduced = False
        # Toxicities, by their bits in a mask.
        self.toxicity_bits = {position: i for i, position in enumerate(arm.protocol.toxicities)}
        self.n_onsets = [0] * len(self.toxicity_bits)
        self.onset_days = [0.0] * len(self.toxicity_bits)  # of the last onset of each
        self.resolved_days = [0.0] * len(self.toxicity_bits)
        self.new = self.ongoing = self.ever = 0  # masks

    def on_day(self, study_day: float, rank: int) -> simpy.Event:
        """The moment of a study day on the trial's calendar; `rank` is one of those of `event_order`."""
        return self.env.at_study_day(self.first_dose_day + study_day, study_day, rank)

    def threshold(self, clock: Clock, occurrence: int) -> float:
        """The patient's own unit-exponential threshold for one occurrence of a clock."""
        return self.arm.table.threshold(self.who.number, clock.code, occurrence)

    def n_onsets_of(self, position: int) -> int:
        """How many onsets a clock has had so far (0 for a clock that is not a toxicity)."""
        return self.n_onsets[self.toxicity_bits[position]] if position in self.toxicity_bits else 0

    def n_onsets_in_all(self) -> int:
        """How many onsets there have been; those of the parts of a toxicity are its own."""
        whole = [bit for position, bit in self.toxicity_bits.items() if self.protocol.clocks[position].part_of < 0]
        return sum(self.n_onsets[bit] for bit in whole)

    def is_ongoing(self, position: int) -> bool:
        """Whether a toxicity is there now."""
        return bool((self.ongoing >> self.toxicity_bits[position]) & 1)

    def log(
        self,
        event: int,
        clock: int = -1,
        occurrence: int = 0,
        detail: int = 0,
        rule: int = 0,
        dose_from: float = NAN,
        dose_to: float = NAN,
        seen: Seen = NOTHING_SEEN,
    ) -> None:
        """Write what happens to this patient today, or on the day of arrival."""
        day, study_day = self.first_dose_day + self.today, self.today
        if event == v.ENROLLED:
            day, study_day = self.who.arrival_day, NAN
        self.arm.write(
            Row(self.who.number, day, study_day, event, clock, occurrence, detail, rule, dose_from, dose_to, *seen)
        )
