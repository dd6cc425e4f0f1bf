"""How a study of size says what times to events in its arms are, and how they are tested."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pydantic import Field

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Duration, Rate

MOST_PIECES: Final = 20
FLEMING_HARRINGTON: Final = r"fleming-harrington (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)"
FLEMING_HARRINGTON_IN_WORDS: Final = "fleming-harrington RHO GAMMA, such as `fleming-harrington 0 1`"
STRATIFIED: Final = "stratified"  # the log-rank test within the strata of the allocation
LONGEST: Final = 14  # characters of a rate
MOST_WEIGHT: Final = 10.0  # of rho and gamma


class HazardPiece(Section):
    """The hazard of the event in an arm from so long after entry, until the next piece begins."""

    after: Duration = Field(default_factory=lambda: Duration.of("0 days"))
    """The time after entry at which the piece begins; 0 of the first."""
    rate: Rate
    """The hazard, such as 0.08 /month; 0 for none while the piece lasts."""


def hazards_in_words(pieces: Sequence[HazardPiece]) -> str:
    """The hazards of an arm as a sentence says them: 0.08 /month, 0.04 /month from 6 months."""
    first, *later = pieces
    return ", ".join([_shown(first.rate), *(f"{_shown(piece.rate)} from {piece.after.text}" for piece in later)])


def _shown(rate: Rate) -> str:
    """A rate as it was written, or in four digits where it has many."""
    return rate.text if len(rate.text) <= LONGEST else f"{rate.value:.4g} /month"


def is_weighted(test: str | None) -> bool:
    """Whether a log-rank test weighs events."""
    return test is not None and test != STRATIFIED


def rho_gamma_of(test: str | None) -> tuple[float, float]:
    """The exponents of the weights of a log-rank test; (0, 0) for that without weights."""
    found = re.fullmatch(FLEMING_HARRINGTON, test or "")
    return (float(found[1]), float(found[2])) if found is not None else (0.0, 0.0)
