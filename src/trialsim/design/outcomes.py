"""What a study of size asks of each patient, in the terms of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from trialsim.config.schema.size_study import SizeEndpoint
from trialsim.config.source.problems import nearest
from trialsim.errors import RequestError
from trialsim.model import disease
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol

RESPONSES: Final = {"partial response": disease.PARTIAL, "any response": disease.MINOR}
TIMES: Final = {"progression-free": c.PROGRESSION_OR_DEATH, "survival": c.DEATH}
SEVERE: Final = "any severe toxicity"
ANY: Final = "any toxicity"


@dataclass(frozen=True)
class Questions:
    """What is asked: the primary questions, one of safety with its boundary if there is one, and who was harmed."""

    primary: tuple[c.Asked, ...]
    safety: c.Asked | None = None
    at_least: tuple[int, ...] = ()
    harm: c.Asked | None = None

    @property
    def all(self) -> tuple[c.Asked, ...]:
        """Every question, primary ones first."""
        return (*self.primary, *(item for item in (self.safety, self.harm) if item is not None))

    @property
    def horizon_days(self) -> float:
        """How long everyone must be followed."""
        return max(item.window_days for item in (*self.primary, self.safety) if item and item.window_days < inf)


def question_of(endpoint: SizeEndpoint, protocols: Sequence[Protocol], if_left: int = c.NO_EVENT) -> c.Asked:
    """An endpoint as a question with a window; `if_left` is what withdrawal makes of an open one about toxicity.

    Raises `RequestError` for one that the model has no answer to.
    """
    of = str(endpoint.of)
    window = endpoint.within.value if endpoint.within is not None else inf
    if endpoint.expression is not None or endpoint.at is not None or endpoint.to is not None:
        allowed = f"{', '.join([*RESPONSES, *TIMES, SEVERE, ANY])}, or the name of a toxicity; with `within`."
        raise RequestError(
            f"endpoint {endpoint.name or of}", "looks need to know when it is known.", allowed, key="endpoint"
        )
    if of in TIMES:
        return c.Asked(TIMES[of])
    if endpoint.within is None:
        wrong = "a trial must know how long it waits for it."
        raise RequestError(f"endpoint {of}", wrong, f"a window, {{of: {of}, within: 6 months}}.", key="endpoint")
    if of in RESPONSES:
        _check_window(of, window, protocols)
        return c.Asked(c.RESPONSE, window, RESPONSES[of])
    return c.Asked(c.TOXICITY, window, 0, toxicities_of(of, protocols), if_left)


def check_wait(wait_days: float, of: str, protocols: Sequence[Protocol]) -> None:
    """Refuse an interim look that waits for less than the first assessment. Raises `RequestError`."""
    latest = max(item.assessment_every_days for item in protocols)
    if of in RESPONSES and wait_days < latest:
        wrong = f"nobody has been assessed after {wait_days:g} days: the first assessment is on day {latest:g}."
        raise RequestError("conduct.interim_after", wrong, f"at least {latest:g} days.", key="conduct.interim_after")


def toxicities_of(of: str, protocols: Sequence[Protocol]) -> tuple[str, ...]:
    """The names of the toxicity clocks that an endpoint means, in any of the arms."""
    clocks = {p.clocks[i].name: p.clocks[i] for p in protocols for i in p.toxicities}
    if of in (SEVERE, ANY):
        return tuple(name for name, clock in clocks.items() if clock.is_severe or of == ANY)
    if of not in clocks:
        known = [*RESPONSES, *TIMES, SEVERE, ANY, *clocks]
        raise RequestError(
            f"endpoint {of}", "there is no such endpoint.", f"{', '.join(known)}.", nearest(of, known), key="endpoint"
        )
    return (of,)


def _check_window(of: str, window: float, protocols: Sequence[Protocol]) -> None:
    """A response that nobody can be seen to have by the end of the window is no endpoint."""
    latest = max(item.assessment_every_days for item in protocols)
    if window < latest:
        wrong = f"nobody can reach it: the first assessment is on day {latest:g}, its window ends on day {window:g}."
        raise RequestError(f"endpoint {of}", wrong, f"a window of at least {latest:g} days.", key="endpoint")
