"""The outcomes that a study of size decides on, in the terms of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from trialsim.config.schema.size_study import SizeEndpoint
from trialsim.config.source.problems import nearest
from trialsim.endpoints.endpoint import DesignOutcome
from trialsim.endpoints.measures import Toxicity
from trialsim.endpoints.registry import ENDPOINTS, SEVERE, endpoint_named, known_endpoints
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol


@dataclass(frozen=True)
class Outcomes:
    """The primary outcomes of a study, one of safety with its boundary if there is one, and severe toxicity."""

    primary: tuple[c.Outcome, ...]
    safety: c.Outcome | None = None
    at_least: tuple[int, ...] = ()
    harm: c.Outcome | None = None

    @property
    def all(self) -> tuple[c.Outcome, ...]:
        """Every outcome, primary ones first."""
        return (*self.primary, *(item for item in (self.safety, self.harm) if item is not None))

    @property
    def horizon_days(self) -> float:
        """How long everyone must be followed."""
        return max(item.window_days for item in (*self.primary, self.safety) if item and item.window_days < inf)


def outcome_of(
    endpoint: SizeEndpoint, protocols: Sequence[Protocol], if_left: int = c.NO_EVENT, key: str = "endpoint"
) -> c.Outcome:
    """An endpoint as an outcome with a window; `if_left` is what withdrawal makes of an open one about toxicity.

    `key` is its place in the study.

    Raises `RequestError` for one that no design decides on.
    """
    of = str(endpoint.of)
    if endpoint.expression is not None or endpoint.at is not None or endpoint.to is not None:
        allowed = (
            f"{', '.join(item.name for item in ENDPOINTS if item.outcome)}, or the name of a toxicity; with `within`."
        )
        raise RequestError(f"endpoint {endpoint.name or of}", "looks need to know when it is known.", allowed, key=key)
    endpoint_kind = _decidable(of, protocols, key)
    if not endpoint_kind.has_window:
        return c.Outcome(endpoint_kind.kind)
    if endpoint.within is None:
        wrong = "a trial must know how long it waits for it."
        raise RequestError(f"endpoint {of}", wrong, f"a window, {{of: {of}, within: 6 months}}.", key=key)
    if endpoint_kind.kind == c.RESPONSE:
        _check_window(of, endpoint.within.value, protocols, key)
        return c.Outcome(c.RESPONSE, endpoint.within.value, endpoint_kind.least)
    return c.Outcome(c.TOXICITY, endpoint.within.value, 0, toxicities_of(of, protocols), if_left)


def names_of(*kinds: int) -> str:
    """The endpoints of the registry that a design decides on, of some kinds of `model.interim`."""
    return ", ".join(item.name for item in ENDPOINTS if item.outcome is not None and item.outcome.kind in kinds)


def check_wait(wait_days: float, endpoint: SizeEndpoint, protocols: Sequence[Protocol]) -> None:
    """Refuse an interim look that waits for less than the first assessment. Raises `RequestError`."""
    latest = max(item.assessment_every_days for item in protocols)
    if _decidable(str(endpoint.of), protocols).kind == c.RESPONSE and wait_days < latest:
        wrong = f"nobody has been assessed after {wait_days:g} days: the first assessment is on day {latest:g}."
        raise RequestError("conduct.interim_after", wrong, f"at least {latest:g} days.", key="conduct.interim_after")


def toxicities_of(of: str, protocols: Sequence[Protocol]) -> tuple[str, ...]:
    """The names of the toxicities that an endpoint means, in any of the arms; none where it is not a toxicity."""
    endpoint = endpoint_named(of, protocols)
    measure = endpoint.measure if endpoint is not None else None
    names = [measure.names_in(protocol) for protocol in protocols] if isinstance(measure, Toxicity) else []
    return tuple(dict.fromkeys(name for group in names for name in group))


def severe_toxicities(protocols: Sequence[Protocol]) -> tuple[str, ...]:
    """The names of the severe toxicities in any of the arms."""
    return toxicities_of(SEVERE, protocols)


def _decidable(of: str, protocols: Sequence[Protocol], key: str = "endpoint") -> DesignOutcome:
    """What a design counts of an endpoint. Raises `RequestError` for one that no design decides on."""
    endpoint = endpoint_named(of, protocols)
    if endpoint is None or endpoint.outcome is None:
        known = [item.name for item in known_endpoints(protocols) if item.outcome is not None]
        wrong = "there is no such endpoint." if endpoint is None else "no design decides on it."
        raise RequestError(f"endpoint {of}", wrong, f"{', '.join(known)}.", nearest(of, known), key=key)
    return endpoint.outcome


def _check_window(of: str, window: float, protocols: Sequence[Protocol], key: str) -> None:
    """A response that nobody can be seen to have by the end of the window is no endpoint."""
    latest = max(item.assessment_every_days for item in protocols)
    if window < latest:
        wrong = f"nobody can reach it: the first assessment is on day {latest:g}, its window ends on day {window:g}."
        raise RequestError(f"endpoint {of}", wrong, f"a window of at least {latest:g} days.", key=key)
