"""A titration strategy as a Python function: what it sees of a patient, and what it may decide.

    def escalate_until_response(seen: PatientView) -> Decision | None:
        if seen.moment == "onset":
            return reduce() if seen.new & seen.severe else None
        if seen.response != "none" or seen.ongoing:
            return keep()
        return escalate()

The function is asked at every visit of a patient who is on treatment and not held, and at the onset of every toxicity.
`None` means no decision: the dose stays. It must be a function of what it sees and of nothing else, or a trial could
not be simulated again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from trialsim.model import titration

Decision = tuple[int, int | float | str, frozenset[str]]  # action, amount or place, what a hold waits for


@dataclass(frozen=True)
class PatientView:
    """What is known of a patient at a decision.

    Parameters
    ----------
    moment
        `visit` or `onset`.
    study_day, response_seen_day, dose_since_day
        Study days: of the decision, of the assessment that saw the response, and of the last change of dose.
    dose
        The present dose, mg/day; 0 while the drug is held.
    level, levels
        The place of the dose on the ladder, from 0, and the ladder, mg/day.
    new, ongoing, ever
        Toxicities: at a visit `new` are those that began since the last one, at an onset the one that begins.
    dose_limiting, severe
        The toxicities of the protocol that are dose-limiting, and those that are severe.
    n_onsets
        The number of onsets of each toxicity of the protocol.
    onset_days, resolved_days
        The study day of the last onset of each toxicity that has been, and the day on which it was over.
    response
        The best one seen: `none`, or the name of its category without the word response, such as `partial`.
    was_reduced
        Whether the dose has been reduced before.
    """

    moment: str
    study_day: float
    dose: float
    level: int
    levels: tuple[float, ...]
    new: frozenset[str]
    ongoing: frozenset[str]
    ever: frozenset[str]
    dose_limiting: frozenset[str]
    severe: frozenset[str]
    n_onsets: Mapping[str, int]
    onset_days: Mapping[str, float]
    resolved_days: Mapping[str, float]
    response: str
    response_seen_day: float
    dose_since_day: float
    was_reduced: bool

    @property
    def is_tolerated(self) -> bool:
        """No dose-limiting toxicity is new or ongoing."""
        return not (self.new | self.ongoing) & self.dose_limiting


Strategy = Callable[[PatientView], Decision | None]

_NOTHING: frozenset[str] = frozenset()


def escalate(levels: int = 1) -> Decision:
    """Go up on the ladder of doses, at most to the highest.

    Parameters
    ----------
    levels
        The number of levels.
    """
    return titration.ESCALATE, levels, _NOTHING


def keep() -> Decision:
    """Keep the dose."""
    return titration.KEEP, 0, _NOTHING


def reduce(levels: int = 1) -> Decision:
    """Go down on the ladder of doses, at most to the lowest.

    Parameters
    ----------
    levels
        The number of levels.
    """
    return titration.REDUCE, levels, _NOTHING


def go_to(dose: float) -> Decision:
    """Go to a dose of the ladder.

    Parameters
    ----------
    dose
        The dose, mg/day.
    """
    return titration.GO_TO, float(dose), _NOTHING


def hold(until_over: Collection[str], resume: str | float = "same") -> Decision:
    """Stop the drug until toxicities are over.

    Parameters
    ----------
    until_over
        The names of the toxicities.
    resume
        The level after that: the `same`, one `lower`, or a dose of the ladder (mg/day).
    """
    return titration.HOLD, resume, frozenset(until_over)


def stop() -> Decision:
    """Stop the drug for good."""
    return titration.STOP, 0, _NOTHING
