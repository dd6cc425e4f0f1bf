"""What a design is: a rule that turns what is seen of patients into decisions, with its boundaries and its n.

To add a design:

1. Write its name and its keys into `config.schema.designs`: what a study of it needs and may use.
2. Write two classes into a file of `single_arm/`, `two_arms/` or `time_to_event/`. One is derived from `Design`: its
   name, title and words, and how it is built. The other is derived from `PlannedDesign`: what it decides, its operating
   characteristics, the design of another size (`at`), and the sentences that describe it in a protocol.
3. Register it in `design.registry`.

Nothing here simulates: `conduct` has how a trial goes under a design, and `preparation` the truths under which it is
simulated, one function for each of the `Hypotheses`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final, Generic, TypeVar

import numpy as np

from trialsim.config.schema.designs import KEYS, DesignKeys
from trialsim.config.schema.size_study import SizeEndpoint, SizeStudy
from trialsim.design.search import multiples
from trialsim.errors import RequestError
from trialsim.typing import Counts, Floats

NULL: Final = "null"
ALTERNATIVE: Final = "alternative"
TOXIC_NULL: Final = "null toxicity"
REJECTS: Final = "rejects the null"

InWords = Callable[[SizeEndpoint], str]  # an endpoint as a sentence says it
T = TypeVar("T")
A = TypeVar("A")


class Information(Enum):
    """What the looks of a design come after, the last one too."""

    PATIENTS = "patients"
    EVENTS = "events"
    CUT_OFF = "cut-off"  # the scenario's own


class Hypotheses(Enum):
    """How the truths under which a design is simulated differ."""

    RESPONSE_RATE = "the response rate of one arm is that of the null or of the alternative"
    ESTIMATED_RATE = "one arm with the rate that is estimated"
    RESPONSE_AND_TOXICITY = "each of the two rates is that of the null or of the alternative"
    ARMS = "the arms differ as the model says; under the null all are as the control"
    ANY_ENDPOINT = "the same, for any endpoint of a comparison"
    HAZARD_RATIO = "the hazards of the event differ by a ratio between two arms"
    REFERENCE = "the hazards of the event in one arm are those of a reference, or differ from it by a ratio"


@dataclass(frozen=True)
class OperatingCharacteristics:
    """What a design comes to at one truth: how probably it rejects, EN, how probably it stops early; NaN if unknown.

    `cells` are the joint probabilities of the outcomes in each arm, as `timelines.ideal` takes them.
    """

    rejects: float
    expected_n: float
    stops_early: float
    cells: tuple[Floats, ...]


@dataclass(frozen=True)
class PowerByN:
    """The planned power by n, shape (sizes,) each; `is_of_every_n` if there is a design of every size."""

    n: Counts
    power: Floats
    is_of_every_n: bool


@dataclass(frozen=True)
class PlannedDesign(ABC):
    """A design with its numbers, for one study; one of another size is another object."""

    design: Design[Any]
    study: SizeStudy

    @property
    @abstractmethod
    def n(self) -> int:
        """The largest number of patients, all arms together."""

    @property
    @abstractmethod
    def n_looks(self) -> int:
        """How many looks there are, the last one too."""

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""

    @property
    def step(self) -> int:
        """The step between sizes in patients: one for each place in a block of the allocation."""
        return 1

    @property
    def others(self) -> list[dict[str, Any]]:
        """The numbers of designs that could be had instead."""
        return []

    @property
    def looks(self) -> list[dict[str, Any]]:
        """What each look comes after and decides, by the field's names; nothing where there is one look only."""
        return []

    @abstractmethod
    def at(self, n: int) -> PlannedDesign:
        """The design with another number of patients, where there is one for it. Raises `RequestError`."""

    def sizes(self) -> Counts:
        """The sizes, rising, among which simulation can search. Raises `RequestError`."""
        return multiples(2 * self.step, self.study.largest_n, self.step)

    def operating_characteristics(self, truth: str) -> OperatingCharacteristics | None:
        """What it comes to under a truth; None where no formula has it."""
        return None

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics | None:
        """What it comes to exactly at true rates; None where no formula has it.

        `rates` are the rates of the first outcome in every arm; those of response and of toxicity in one arm that
        decides on both.
        """
        return None

    @property
    def alternative_rates(self) -> tuple[float, ...]:
        """The rates under the alternative, as `at_rates` takes them; none where no formula has its values at rates."""
        return ()

    def power_by_n(self) -> PowerByN | None:
        """The planned power by n; None where there is one n only, or no exact power."""
        return None

    @abstractmethod
    def describe(self, in_words: InWords) -> list[str]:
        """What is measured, on how many patients, and what is decided, in whole sentences."""

    def describe_larger(self, n: int) -> str:
        """The design of a size that a search ended with, where its boundaries are others; else nothing."""
        return ""

    def remarks(self) -> list[str]:
        """What must be known before the numbers are read: the test, a level that is not kept."""
        return []


class Design(ABC, Generic[A]):
    """A design by name. `A` is what is assumed of the arms under the alternative.

    `title` cites it. `success` is what `REJECT` stands for, `probability_of_success` what its probability is called
    where that is not power, and `power_in_words` the same where nothing was said of it before. `hidden` and `labels`:
    numbers that are not shown, and those with names of their own. `keys_of_size`: the keys of errors that mean that the
    power takes more patients than there may be. `is_searched`: whether there are designs of many
    sizes; with `has_size` one of them is planned before the search. A design whose keys include `n` has one `with_n`
    patients too, which needs no search.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    hypotheses: ClassVar[Hypotheses]
    information: ClassVar[Information] = Information.PATIENTS
    success: ClassVar[str] = REJECTS
    probability_of_success: ClassVar[str | None] = None
    power_in_words: ClassVar[str] = "the power"
    hidden: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[Mapping[str, str]] = {}
    keys_of_size: ClassVar[tuple[str, ...]] = ("n", "largest_n")
    has_test: ClassVar[bool] = True
    has_size: ClassVar[bool] = True
    is_searched: ClassVar[bool] = True

    @property
    def config_keys(self) -> DesignKeys:
        """Which keys a study of it needs and may use."""
        return KEYS[self.name]

    def build(self, study: SizeStudy, assumed: A) -> PlannedDesign:
        """The design of a study: with `n` patients if they are given, otherwise the smallest with the power.

        Raises `RequestError` for what cannot be had, with the nearest that can.
        """
        if study.n is not None:
            return self.with_n(study, assumed, study.n)
        try:
            return self.smallest(study, assumed)
        except RequestError as error:
            raise self.pointing_to_n(study, error) from None

    @abstractmethod
    def smallest(self, study: SizeStudy, assumed: A) -> PlannedDesign:
        """The smallest design with the power; without `has_size`, the design without a number of patients.

        Raises `RequestError` for what cannot be had, with the nearest that can.
        """

    def with_n(self, study: SizeStudy, assumed: A, n: int) -> PlannedDesign:
        """The design with `n` patients, whatever its power. Raises `RequestError`."""
        wrong = "the sizes of this design follow from the power that is asked for."
        raise RequestError(f"n = {n}", wrong, "no `n`, or a design for every n.", key="n")

    def pointing_to_n(self, study: SizeStudy, error: RequestError) -> RequestError:
        """An error that says where the power of a given n is to be had, if it is about n; else the same error."""
        largest = self.largest_n(study) // study.n_in_turn * study.n_in_turn
        if error.key not in self.keys_of_size or not self.config_keys.uses("n") or largest == 0:
            return error
        problem = error.problem
        allowed = f"{problem.allowed.removesuffix('.')}; `n: {largest}` asks for the power of so many patients instead."
        return RequestError(problem.what, problem.wrong, allowed, problem.suggestion, problem.place, error.key)

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """Refuse what `build` refuses, as far as no simulation is needed to see it; the design if there is one then.

        Raises `RequestError`.
        """
        return None

    def largest_n(self, study: SizeStudy) -> int:
        """The most patients that it may have."""
        return study.largest_n

    def has_interim_looks(self, study: SizeStudy) -> bool:
        """Whether accrual may have to wait for a look at numbers of patients."""
        return self.config_keys.uses("conduct.accrual")

    def describe_test(self, study: SizeStudy) -> list[str]:
        """The test that is asked for, in lines of a synopsis."""
        return []


@dataclass(frozen=True)
class Rates:
    """The true rates of the first endpoint in every arm, and of toxicity if it is the second.

    `better` says whether a higher or a lower rate is wanted; `seed` breaks ties of arms.
    """

    values: tuple[float, ...]
    toxicity: float | None = None
    names: tuple[str, ...] = ()
    better: str = "higher"
    seed: int = 1


def one_rate(rate: float) -> Floats:
    """The cells of one outcome."""
    return np.array([1.0 - rate, rate])


def needed(value: T | None, key: str) -> T:
    """The value of a key that the design needs. Raises `RequestError` where the study was not checked before."""
    if value is None:
        raise RequestError(key, "the design needs it.", f"a study with `{key}`.", key=key)
    return value


def reported(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of a design as plain data."""
    return {key: (round(value, 10) if isinstance(value, float) else value) for key, value in numbers.items()}


def arms_in_turn(study: SizeStudy, names: Sequence[str]) -> tuple[int, ...]:
    """The arms of successive patients, in the ratio given; those of two arms as `split_of` does."""
    return tuple(i for i, name in enumerate(names) for _ in range(study.allocation.ratio.get(name, 1)))


def sides_in_words(study: SizeStudy) -> str:
    """One-sided or two-sided."""
    return "one-sided" if study.sides == 1 else "two-sided"
