"""What an endpoint is: a named measurement, and what a design counts of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from trialsim.endpoints.measures import Measure
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.model import interim

Direction = Literal["higher", "lower", ""]
Family = Literal["response", "dose", "toxicity", "survival", "conduct"]
RESPONSE: Final[Family] = "response"
DOSE: Final[Family] = "dose"
TOXICITIES: Final[Family] = "toxicity"
SURVIVAL: Final[Family] = "survival"
CONDUCT: Final[Family] = "conduct"


@dataclass(frozen=True)
class DesignOutcome:
    """What a design counts: a kind of `model.interim`, and the least response that counts (a `disease` state)."""

    kind: int
    least: int = 0

    @property
    def has_window(self) -> bool:
        """Whether the outcome is looked for within a time of the first dose, not as a time to an event."""
        return self.kind in (interim.RESPONSE, interim.TOXICITY)


@dataclass(frozen=True)
class Endpoint:
    """A named measurement.

    `unit` is empty for a share, `family` says what it is of, `direction` is empty for an endpoint of which neither more
    nor less is better by itself, such as a dose. `measure` is missing for what is not measured in a patient, `outcome`
    for what no design decides on. `names_population` says that a name states the denominator, because the endpoint has
    several.
    """

    name: str
    unit: str = ""
    family: Family = "conduct"
    direction: Direction = ""
    measure: Measure | None = None
    population: Population = Population.ENROLLED
    statistics: tuple[TrialStatistic, ...] = ()
    outcome: DesignOutcome | None = None

    @property
    def names_population(self) -> bool:
        """Whether its denominator differs between commands, so that a name must state it."""
        shares = [item for item in self.statistics if item.population is not None and not item.median_of]
        return any(item.population is not self.population for item in shares)
