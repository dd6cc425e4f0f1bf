"""What does not go together in a study of size with times to events: hazards of arms, weights of a test, `until`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from trialsim.config.schema.plain_times import (
    FLEMING_HARRINGTON,
    FLEMING_HARRINGTON_IN_WORDS,
    MOST_PIECES,
    MOST_WEIGHT,
    STRATIFIED,
    HazardPiece,
    rho_gamma_of,
)
from trialsim.config.schema.size_study import SizeStudy

Misfit = tuple[str, str, str]  # dotted key, what is wrong, what is allowed

_EXAMPLE: Final = "[{rate: 0.08 /month}, {after: 6 months, rate: 0.04 /month}]"


def findings_of_times(study: SizeStudy) -> Iterator[Misfit]:
    """Everything of times to events that does not go together, with what would."""
    yield from _wrong_hazards(study)
    yield from _wrong_weights(study)
    yield from _wrong_until(study)


def _wrong_hazards(study: SizeStudy) -> Iterator[Misfit]:
    """Pieces that begin at entry and rise, with an event in some of them; no other plain numbers."""
    if not study.keys.uses("hazards"):
        return
    if study.hazards and study.medians:
        yield "hazards", "the `medians` say the hazards already", "one of `hazards` and `medians`"
    yield from _hazards_without_ratio(study)
    for name, pieces in study.hazards.items():
        key = f"hazards.{name}"
        if not 1 <= len(pieces) <= MOST_PIECES:
            yield key, f"{len(pieces)} pieces are too few or too many", f"1 to {MOST_PIECES} pieces, such as {_EXAMPLE}"
            continue
        if pieces[0].after.value != 0.0:
            yield key, "the first piece begins at entry", f"a first piece without `after`, such as {_EXAMPLE}"
        if any(a.after.value >= b.after.value for a, b in pairwise(pieces)):
            yield key, "the pieces follow each other", f"rising times, such as {_EXAMPLE}"
        if not all(piece.rate.value >= 0.0 for piece in pieces):  # a calibrated one, which is not a number, neither
            yield key, "plain hazards are given, not calibrated", f"numbers, such as {_EXAMPLE}"
        elif all(piece.rate.value == 0.0 for piece in pieces):
            yield key, "nobody in this arm has an event", f"a hazard above 0 in some piece, such as {_EXAMPLE}"


def _hazards_without_ratio(study: SizeStudy) -> Iterator[Misfit]:
    """Two arms with the same hazards at all times, or of which only one has events for a time."""
    if len(study.hazards) != 2:
        return
    first, second = study.hazards.values()
    days = sorted({piece.after.value for piece in (*first, *second)})
    both = [(_hazard_on(first, day), _hazard_on(second, day)) for day in days]
    if all(a == b for a, b in both):
        yield "hazards", "the arms have the same hazards, so no trial could tell them apart", "hazards that differ"
    elif any((a == 0.0) != (b == 0.0) for a, b in both):
        problem = "for a time only one of the arms has events, so their hazards have no ratio"
        yield "hazards", problem, "hazards above 0 in both arms, or 0 in both for a time"


def _hazard_on(pieces: Sequence[HazardPiece], day: float) -> float:
    """The hazard of an arm on a day after entry."""
    return next((piece.rate.value for piece in reversed(pieces) if piece.after.value <= day), 0.0)


def _wrong_weights(study: SizeStudy) -> Iterator[Misfit]:
    """The test of a log-rank design: weights that are known, at one look."""
    if study.test is None or study.design != "logrank":
        return
    if study.test == STRATIFIED:
        if not study.allocation.strata:
            problem = "it is stratified as the allocation is, and the allocation has no strata"
            yield "test", problem, "`allocation: {strata: [site]}`, or no `test`"
        if study.looks.reestimate is not None:
            yield (
                "test",
                "the combined test of a re-estimated trial has no strata here",
                "no `test`, or no `reestimate`",
            )
        return
    if not re.fullmatch(FLEMING_HARRINGTON, study.test):
        allowed = f"{STRATIFIED}; {FLEMING_HARRINGTON_IN_WORDS}; no `test` for the log-rank test"
        yield "test", f"there is no test {study.test!r} of two arms with times to events", allowed
    elif max(rho_gamma_of(study.test)) > MOST_WEIGHT:
        yield "test", "with such exponents nearly all events have no weight", f"exponents from 0 to {MOST_WEIGHT:g}"
    if len(study.looks.at) > 1:
        problem = (
            f"{study.test} is for one look: with weights the information at a look is not the share of events, so "
            f"boundaries by shares of events would not keep the level"
        )
        yield "test", problem, "no `looks` with it, or no `test`"


def _wrong_until(study: SizeStudy) -> Iterator[Misfit]:
    """Everyone who is not lost is seen until the end of the restricted mean."""
    until, follow_up = study.until, study.conduct.follow_up
    if until is not None and study.keys.uses("until") and not until.value <= follow_up.value:
        problem = (
            f"{until.text} is longer than the follow-up after the last entry, {follow_up.text}, so the patients who "
            f"come last are not observed so long"
        )
        yield "until", problem, f"up to {follow_up.text}, or a longer `conduct.follow_up`"
