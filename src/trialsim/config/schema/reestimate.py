"""A second stage of a log-rank trial that is made larger by what its interim look says."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_serializer

from trialsim.config.schema.population import Section
from trialsim.config.schema.written_values import Share


class Reestimate(Section):
    """A second stage with more events where the only interim look is promising (Mehta and Pocock 2011).

    Promising is a conditional power, at the current trend and with the planned events, from `promising` to below `to`.
    The final test has the weights of the plan (Cui, Hung and Wang 1999).
    """

    promising: Share = Field(default=0.36, ge=0.0, lt=1.0)
    """The conditional power from which the look is promising."""
    to: Share | None = Field(default=None, gt=0.0, lt=1.0)
    """The conditional power from which nothing is changed; the target unless given."""
    target: Share | None = Field(default=None, gt=0.0, lt=1.0)
    """The conditional power that more events shall give; `power` unless given."""
    factor: float = Field(default=2.0, ge=1.0, le=100.0)
    """How many times the events planned after the look they are at most."""

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}
