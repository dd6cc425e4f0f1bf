"""What a group sequential design still reaches once a look has been taken: conditional and predictive power.

Z_k at the looks has the canonical joint distribution (see `theory.sequential`): Z_k sqrt(t_k) has independent normal
increments. Given Z at a look, the looks after it are those of a shorter trial whose bounds are moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trialsim.design.theory.arguments import check_count
from trialsim.design.theory.requests import per_look, require_finite, require_sides, rising
from trialsim.design.theory.sequential import crossing_probabilities
from trialsim.errors import RequestError
from trialsim.typing import Floats


def conditional_power(
    information: npt.ArrayLike,
    upper: npt.ArrayLike,
    look: int,
    z: float,
    drift: float,
    *,
    lower: npt.ArrayLike | None = None,
    sides: int = 1,
) -> float:
    """The probability of rejecting at a later look, given the statistic at this one, for a drift.

    `information` of all looks in any unit, shape (k,); E Z_j = drift sqrt(information_j). `look` counts from 1 and is
    not the last. `upper` and, where the trial stops for futility, `lower` are the z bounds of all looks, shape (k,);
    those up to this look are not used. With 2 `sides` the lower bounds are the upper ones with the other sign, and both
    reject. With one look to come it is Phi((z sqrt(t) + drift (T - t) - u sqrt(T)) / sqrt(T - t)) of information t and
    T (Lan and Wittes 1988, Biometrics 44:579). Errors: information that does not rise, bounds of another shape, a look
    that is the last or not there, a z or a drift that is not finite.
    """
    now, rest, tops, floors = _to_come(information, upper, lower, look, sides)
    score, steps = require_finite("z", z) * np.sqrt(now), rest - now
    roots = np.sqrt(steps)
    low = None if floors is None else (floors * np.sqrt(rest) - score) / roots
    above, below = crossing_probabilities(steps, (tops * np.sqrt(rest) - score) / roots, low, drift)
    return float(above.sum() + (below.sum() if sides == 2 else 0.0))


def predictive_power(
    information: npt.ArrayLike,
    upper: npt.ArrayLike,
    look: int,
    z: float,
    *,
    lower: npt.ArrayLike | None = None,
    sides: int = 1,
) -> float:
    """The conditional power averaged over what the look says of the drift, with a flat prior; arguments as there.

    The estimate Z_j / sqrt(t_j) is then a martingale, normal with independent increments of variance 1 / t_j - 1 / t_k
    (Spiegelhalter, Freedman and Blackburn 1986, Controlled Clinical Trials 7:8). Errors: as `conditional_power`.
    """
    now, rest, tops, floors = _to_come(information, upper, lower, look, sides)
    estimate, spans = require_finite("z", z) / np.sqrt(now), 1.0 / now - 1.0 / rest
    roots = np.sqrt(spans)
    low = None if floors is None else (floors / np.sqrt(rest) - estimate) / roots
    above, below = crossing_probabilities(spans, (tops / np.sqrt(rest) - estimate) / roots, low)
    return float(above.sum() + (below.sum() if sides == 2 else 0.0))


def _to_come(
    information: npt.ArrayLike, upper: npt.ArrayLike, lower: npt.ArrayLike | None, look: int, sides: int
) -> tuple[float, Floats, Floats, Floats | None]:
    """The information at the look, and information and bounds of the looks after it. Raises `RequestError`."""
    times = rising("information", information)
    k = len(times)
    tops = per_look("upper", upper, k)
    floors = None if lower is None else per_look("lower", lower, k)
    require_sides(sides)
    if k < 2:
        raise RequestError(f"information = {times.tolist()}", "there is no interim look.", "two looks or more.")
    check_count("look", look, 1, k - 1)
    if sides == 2:
        if floors is not None:
            raise RequestError("lower", "futility is on one side, and the test is on two.", "no `lower`.", key="lower")
        floors = -tops
    return float(times[look - 1]), times[look:], tops[look:], None if floors is None else floors[look:]
