"""Under which truth trials are simulated."""

from __future__ import annotations

from dataclasses import dataclass

from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import Arms


@dataclass(frozen=True)
class Setting:
    """One truth: the protocol of every arm, who goes where, which engine simulates."""

    name: str
    protocols: tuple[Protocol, ...]
    arms: Arms | None
    engine: str

    @property
    def varies(self) -> bool:
        """Whether every trial has its own draw of the parameters."""
        return self.protocols[0].n_parameter_draws > 0
