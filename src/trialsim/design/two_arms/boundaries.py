"""Boundaries of interim looks by alpha spending, and exact ones of two proportions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from trialsim.config.schema.size_study import Looks, SizeStudy
from trialsim.design.theory import shapes, spending
from trialsim.design.theory.nuisance import BRACKET
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.sequential import crossing_probabilities, efficacy_bounds, futility_bounds
from trialsim.design.two_arms.decisions import TwoArms
from trialsim.design.two_arms.enumeration import highest_level
from trialsim.errors import RequestError
from trialsim.typing import Floats

Bounds = tuple[tuple[float, ...], tuple[float, ...]]  # upper and lower z by look; no lower ones without futility
STEPS: Final = 200  # an exact boundary spends the largest multiple of alpha / STEPS that keeps the level
MOST_EXACT: Final = 800  # patients for which exact boundaries are searched: seconds for each size, minutes beyond


@dataclass(frozen=True)
class Family:
    """Boundaries by name: what they are called in a sentence (with `{}` for the number), and how they are made.

    `make` takes the number that follows the name, where there is one.
    """

    words: str
    make: Callable[..., spending.Spending | shapes.Shape]


OBRIEN_FLEMING: Final = "obrien-fleming"
_LAN_DEMETS: Final = "Lan and DeMets 1983"
FAMILIES: Final[dict[str, Family]] = {
    OBRIEN_FLEMING: Family(f"alpha spent as O'Brien-Fleming type, {_LAN_DEMETS}", spending.ObrienFleming),
    "pocock": Family(f"alpha spent as Pocock type, {_LAN_DEMETS}", spending.Pocock),
    "power": Family("alpha spent as alpha t^{}, Kim and DeMets 1987", spending.Power),
    "hwang-shih-decani": Family("alpha spent with gamma {}, Hwang, Shih and DeCani 1990", spending.HwangShihDeCani),
    "classical obrien-fleming": Family("O'Brien and Fleming 1979", lambda: shapes.OBRIEN_FLEMING),
    "classical pocock": Family("Pocock 1977", lambda: shapes.POCOCK),
    "wang-tsiatis": Family("Wang and Tsiatis 1987, delta {}", shapes.WangTsiatis),
    "haybittle-peto": Family("Haybittle 1971 and Peto et al. 1976", shapes.HaybittlePeto),
}


def family_of(written: str) -> tuple[Family, tuple[float, ...]]:
    """The family of a name, and the number after it."""
    if written in FAMILIES:
        return FAMILIES[written], ()
    name, _, number = written.rpartition(" ")
    return FAMILIES[name], (float(number),)


def boundary_of(written: str | list[float], sides: int = 1) -> spending.Spending | shapes.Shape:
    """A boundary from its words, or from the cumulative alphas of all sides. Raises `RequestError`."""
    if isinstance(written, list):
        return spending.Custom(tuple(alpha / sides for alpha in written))
    family, number = family_of(written)
    return family.make(*number)


def boundary_in_words(written: str | list[float]) -> str:
    """What a boundary is called in a sentence."""
    if isinstance(written, list):
        return f"alpha spent as {', '.join(f'{x:g}' for x in written)} by the looks, {_LAN_DEMETS}"
    family, number = family_of(written)
    return family.words.format(*(f"{x:g}" for x in number))


def upper_bounds(looks: Looks, alpha: float, sides: int, lower: Floats | None = None) -> Floats:
    """The upper z bounds of looks; with `lower`, of which futility is binding. Raises `RequestError`."""
    used = boundary_of(looks.spending, sides)
    if isinstance(used, shapes.Shape):
        return shapes.shaped_bounds(looks.at, alpha, used, sides=sides)
    return efficacy_bounds(looks.at, alpha, used, sides=sides, lower=lower)


def bounds_of(looks: Looks, alpha: float, power: float, sides: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Upper and lower z bounds by look; no lower ones without futility. Raises `RequestError`."""
    upper = upper_bounds(looks, alpha, sides)
    if not np.isfinite(upper).all():
        early = looks.at[int(np.argmax(~np.isfinite(upper)))]
        wrong = f"nothing can be rejected at a share of {early:g}: too little alpha is spent by then."
        raise RequestError(
            "looks.at", wrong, "later looks, or a spending function that spends more early.", key="looks.at"
        )
    futility = looks.futility
    if futility is None or len(looks.at) == 1:
        return tuple(upper.tolist()), ()
    if futility.z is not None:
        if len(futility.z) != len(looks.at) - 1:
            wrong = f"{len(futility.z)} bounds for {len(looks.at) - 1} interim looks."
            raise RequestError("looks.futility.z", wrong, "one z for each interim look.", key="looks.futility.z")
        lower = np.array([*futility.z, upper[-1]])
        if futility.binding:
            upper = upper_bounds(looks, alpha, sides, lower)
            lower[-1] = upper[-1]  # who counts on stopping rejects from less
        return tuple(upper.tolist()), tuple(lower.tolist())
    used, beta = boundary_of(looks.spending, sides), boundary_of(str(futility.spending))
    if not isinstance(beta, spending.Spending):
        raise TypeError(beta)
    by_shape = isinstance(used, shapes.Shape)
    bounds = futility_bounds(
        looks.at, alpha / sides, power, spending.ObrienFleming() if isinstance(used, shapes.Shape) else used, beta,
        is_binding=futility.binding, upper=upper if by_shape else None,
    )  # fmt: skip
    return tuple(bounds.upper.tolist()), tuple(bounds.lower.tolist())


def bounds_by_look(study: SizeStudy, numbers: Mapping[str, Any], information: str) -> list[dict[str, Any]]:
    """The looks of a design with z bounds as rows: what they come after, their bounds, the level of each alone.

    `spent_alpha` is the cumulative probability of rejecting without a difference, by the normal approximation.
    """
    at, lower, futility = study.looks.at, list(numbers["lower_z"]), study.looks.futility
    counts_on_it = futility is not None and futility.binding
    above, _ = crossing_probabilities(at, numbers["upper_z"], lower if lower and counts_on_it else None)
    spent = study.sides * np.cumsum(above)
    months = numbers.get("look_months", [None] * len(at))
    return [
        {
            "look": look + 1, "information": share, information: numbers["looks"][look], "months": months[look],
            "reject_from_z": numbers["upper_z"][look], "futile_below_z": lower[look] if lower else None,
            "nominal_p": numbers["nominal_p"][look], "spent_alpha": float(spent[look]),
        }
        for look, share in enumerate(at)
    ]  # fmt: skip


class ExactBounds:
    """The bounds that keep the level of a study at every rate that two arms may share, by the patients at the looks.

    Alpha is spent as the study says, but only a part of it: the largest of `STEPS` equal parts with which the
    highest level, found by enumeration, is at most alpha. Lower bounds that are not binding do not count for it.
    """

    def __init__(self, study: SizeStudy, better: str, allocation: Sequence[int], test: str) -> None:
        self._study, self._better, self._allocation, self._test = study, better, allocation, test
        self._bounds: dict[int, Bounds] = {}
        self._parts: dict[tuple[int, ...], int] = {}
        self._last = STEPS

    def at(self, looks: tuple[int, ...]) -> Bounds:
        """The bounds of a trial by its numbers of patients at the looks. Raises `RequestError`."""
        return self._bounds_of(self._part(looks))

    def spent(self, looks: tuple[int, ...]) -> float:
        """The alpha that these bounds spend. Raises `RequestError`."""
        return self._study.alpha * self._part(looks) / STEPS

    def _part(self, looks: tuple[int, ...]) -> int:
        """The largest part that keeps the level; sought near that of the size before, which is mostly close."""
        if looks in self._parts:
            return self._parts[looks]
        kept, broken, step = 0, STEPS + 1, 1
        part = self._last
        while broken - kept > 1:
            if self._keeps(looks, part):
                kept, following = part, part + step
            else:
                broken, following = part, part - step
            is_bracketed = kept > 0 and broken <= STEPS
            step = 2 * step
            part = (kept + broken) // 2 if is_bracketed or not kept < following < broken else following
        if kept == 0:
            wrong = f"no boundary with {looks[-1]} patients keeps the level {self._study.alpha:g} at every shared rate."
            raise RequestError(
                "looks.boundary: exact", wrong, "a larger alpha, more patients, or one look.", key="looks.boundary"
            )
        self._last = self._parts[looks] = kept
        return kept

    def _keeps(self, looks: tuple[int, ...], part: int) -> bool:
        study = self._study
        try:
            upper, lower = self._bounds_of(part)
        except RequestError:  # too little alpha for a look
            return False
        is_binding = study.looks.futility is not None and study.looks.futility.binding
        decisions = TwoArms(looks, study.alpha, study.sides, self._test, self._better, upper, lower)
        counted = decisions if is_binding else replace(decisions, lower=())
        return highest_level(counted, self._allocation, study.alpha) <= highest_accepted(study.alpha) + BRACKET

    def _bounds_of(self, part: int) -> Bounds:
        if part not in self._bounds:
            study, share = self._study, part / STEPS
            looks = study.looks
            if isinstance(looks.spending, list):
                looks = looks.model_copy(update={"spending": [share * alpha for alpha in looks.spending]})
            self._bounds[part] = bounds_of(looks, share * study.alpha, study.power, study.sides)
        return self._bounds[part]
