"""From the arguments of a plain function to a design, and errors in the names of those arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from trialsim.config.loading.plain_studies import months_of, plain_study
from trialsim.design.plain import PlainCalendar, plan
from trialsim.design.theory.arguments import check_number
from trialsim.errors import ConfigurationError, OptionError, Problem, RequestError
from trialsim.workflows.designs.trial_design import TrialDesign

MOST_PARTS: Final = 100  # of one arm in a turn of the allocation
MOST_LOOKS: Final = 10
MONTHS_OF_DROPOUT: Final = 12.0
# What a study calls the arguments, longest names first.
NAMES: Final = {
    "looks.futility.spending": "futility",
    "looks.futility.binding": "binding",
    "looks.spending": "spending",
    "looks.boundary": "boundary",
    "looks.futility": "futility",
    "conduct.follow_up": "follow_up",
    "conduct.events": "events",
    "looks.at": "looks",
    "allocation.ratio": "ratio",
    "reference.median": "median_reference",
    "reference.shape": "shape",
    "toxicity.alternative": "toxicity_p1",
    "toxicity.null": "toxicity_p0",
    "toxicity.alpha": "alpha_toxicity",
    "toxicity.odds_ratio": "odds_ratio",
    "rates.control": "p_control",
    "rates.experimental": "p_experimental",
    "hazards": "hazard_ratio",
    "hazards.control": "hazards_control",
    "hazards.experimental": "hazard_ratio",
    "medians.control": "median_control",
    "medians.experimental": "median_experimental",
    "looks.first": "first",
    "looks.every": "every",
    **{
        f"bayesian.{key}": key
        for key in ("prior", "futility", "efficacy", "success", "level", "exponent", "standard", "gain")
    },
    "stages.first": "n1",
    "stages.all": "n",
    "null": "p0",
    "alternative": "p1",
}


def make(
    design: str,
    keys: Mapping[str, Any],
    calendar: PlainCalendar | None = None,
    *,
    endpoint: str = "",
    names: Mapping[str, str] | None = None,
) -> TrialDesign:
    """The design of a name with keys of a study. `names` are those of arguments that differ from `NAMES`.

    Raises `ConfigurationError` and `RequestError`, in the names of the arguments.
    """
    calendar = calendar or PlainCalendar()
    title = f"{design} design"
    if keys.get("n") is not None:
        keys = {key: value for key, value in keys.items() if key != "largest_n"}
    called = {**NAMES, **(names or {})}
    try:
        return TrialDesign(plan(plain_study(design, keys, title, endpoint), calendar), calendar)
    except ConfigurationError as error:
        raise ConfigurationError([_renamed(problem, called) for problem in error.problems]) from None
    except OptionError:
        raise
    except RequestError as error:
        problem = _renamed(error.problem, called)
        raise RequestError(
            problem.what,
            problem.wrong,
            problem.allowed,
            problem.suggestion,
            problem.place,
            called.get(error.key, error.key),
        ) from None


def _renamed(problem: Problem, names: Mapping[str, str]) -> Problem:
    """A problem in other names; a name is a whole word."""
    ordered = sorted(names, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, ordered)) + r")(?![\w])")

    def renamed(text: str, *, is_key: bool = False) -> str:
        if is_key:  # what stands there begins with the key
            return pattern.sub(lambda match: names[match[1]], text, count=1)
        return re.sub(r"`[^`]*`", lambda quoted: pattern.sub(lambda match: names[match[1]], quoted[0]), text)

    what = renamed(problem.what, is_key=True)
    return Problem(problem.place, what, renamed(problem.wrong), renamed(problem.allowed), problem.suggestion)


def in_months(name: str, given: float | str) -> str:
    """A time as a study writes it. Raises `ConfigurationError`."""
    return f"{months_of(name, given):.12g} months"


def calendar_of(accrual: float | str, dropout: float, median: float | None = None) -> PlainCalendar:
    """A calendar from months of accrual, the share lost within 12 months, and the median of the control in months.

    Raises `ConfigurationError` and `RequestError`.
    """
    check_number("dropout", dropout)
    if not 0.0 <= dropout < 1.0:
        wrong = "this is not a share that can be lost within 12 months."
        raise RequestError(f"dropout = {dropout:g}", wrong, "from 0 to below 1.", key="dropout")
    months = months_of("accrual", accrual, may_be_none=True)
    return PlainCalendar(months, -math.log1p(-dropout) / MONTHS_OF_DROPOUT, median)


def keys_of_one_rate(p0: float, p1: float, alpha: float, power: float, n: int | None, largest_n: int) -> dict[str, Any]:
    """The keys of a study of one rate."""
    return {"null": p0, "alternative": p1, "alpha": alpha, "power": power, "n": n, "largest_n": largest_n}


def looks_of(
    looks: int | Sequence[float] | None,
    spending: str | Sequence[float],
    futility: str | None,
    binding: bool,
    boundary: str,
) -> dict[str, Any] | None:
    """The key `looks` of a study; nothing for one look. Raises `RequestError`."""
    if looks is None or looks == 1:
        return None
    written: dict[str, Any] = {"at": shares_of(looks), "spending": _listed(spending)}
    if futility is not None:
        written["futility"] = {"spending": futility, "binding": binding}
    return {**written, "boundary": boundary}


def shares_of(looks: int | Sequence[float]) -> Any:
    """The shares at which looks are, or so many equal steps of them. Raises `RequestError`."""
    if not isinstance(looks, int) or isinstance(looks, bool):
        return _listed(looks)
    if not 1 <= looks <= MOST_LOOKS:
        raise RequestError(f"looks = {looks}", "a trial cannot have so many.", f"1 to {MOST_LOOKS}.", key="looks")
    return [(i + 1) / looks for i in range(looks)]


def pair_of(name: str, values: Sequence[float] | None) -> Any:
    """Two numbers as a study has them. Raises `RequestError`."""
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 2:
        raise RequestError(
            f"{name}: {values!r}", "a beta distribution has two parameters.", "such as (0.2, 0.8).", key=name
        )
    return list(values)


def given(keys: Mapping[str, Any]) -> dict[str, Any]:
    """What is not None of a section."""
    return {key: value for key, value in keys.items() if value is not None}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def allocation_of(parts: Mapping[str, int]) -> dict[str, Any] | None:
    """The key `allocation` of a study; nothing where the arms are equal."""
    return {"ratio": dict(parts)} if parts else None


def parts_of(ratio: float, names: Sequence[str]) -> dict[str, int]:
    """Experimental patients for each control patient as whole parts of a turn. Raises `RequestError`."""
    allowed = f"a positive number such as 2, 0.5 or 1.5, of at most {MOST_PARTS} parts."
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0.0 < ratio < float("inf"):
        raise RequestError(f"ratio = {ratio!r}", "this is no ratio of two arms.", allowed, key="ratio")
    parts = Fraction(ratio).limit_denominator(MOST_PARTS)
    is_near = abs(float(parts) - ratio) <= 1e-9 * ratio
    if not is_near or not 1 <= parts.numerator <= MOST_PARTS:
        raise RequestError(f"ratio = {ratio:g}", "no small whole numbers have this ratio.", allowed, key="ratio")
    return {} if parts == 1 else dict(zip(names, (parts.denominator, parts.numerator), strict=True))
