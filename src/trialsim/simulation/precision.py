"""How many replicates a precision takes: planned from those that are there, grown until it is reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trialsim.errors import OptionError

_MARGIN: Final = 1.05  # the standard deviation is itself an estimate; without it a second growth would be common
_MOST_GROWTH: Final = 20.0
_DIGITS: Final = 2
_LARGEST_RATIO: Final = 1e9


@dataclass(frozen=True)
class TargetPrecision:
    """A quantity and the Monte Carlo standard error that it shall have at most, in the quantity's own unit."""

    quantity: str
    mcse: float

    @classmethod
    def of(cls, wanted: Mapping[str, float] | None) -> TargetPrecision | None:
        """The precision that a mapping of one quantity to its error asks for. Raises `OptionError`."""
        if not wanted:
            return None
        (quantity, mcse), *more = wanted.items()
        option = f"--target-mcse {quantity}={mcse:g}"
        if more:
            raise OptionError(option, "one quantity decides when a run ends.", "one quantity and its error.")
        if not 0.0 < mcse < math.inf:
            raise OptionError(
                option, "a Monte Carlo standard error is above 0.", "above 0, in the quantity's own unit."
            )
        return cls(quantity, mcse)


def replicates_for(sd: float, mcse: float) -> int:
    """How many replicates give a mean with a Monte Carlo standard error, for values with a standard deviation.

    Parameters
    ----------
    sd
        The standard deviation of the values between replicates, at least 0. For a proportion p that one replicate
        decides, it is sqrt(p (1 - p)): a power of 0.80 known to 0.005 takes 0.16 / 0.005^2 = 6,400 replicates.
    mcse
        The Monte Carlo standard error of the mean, above 0, in the unit of `sd`.

    Returns
    -------
    int
        (sd / mcse)^2, rounded up, and at least 1.

    Raises
    ------
    ValueError
        For an sd below 0 or an mcse that is not above 0.

    References
    ----------
    Morris, White, Crowther 2019, Statistics in Medicine 38:2074, section 5.3.
    """
    if not sd >= 0.0 or not mcse > 0.0:
        raise ValueError(f"sd {sd} must be at least 0 and mcse {mcse} above 0")
    return max(1, math.ceil((sd / mcse) ** 2 * (1.0 - 1e-12)))


def trials_needed(n: int, mcse: float, target: float) -> float:
    """How many trials a target takes if `n` of them gave an `mcse`; infinity if that is not a number any more."""
    ratio = mcse / target
    return n * ratio**2 if ratio < _LARGEST_RATIO else math.inf


def next_number(n: int, mcse: float, target: float, most: int) -> int:
    """How many replicates to grow to when `n` of them gave an `mcse` above the target.

    It depends on the results alone, so interruptions and workers cannot matter.
    """
    n_wanted = min(_MARGIN * trials_needed(n, mcse, target), _MOST_GROWTH * n, float(most))
    step = 10.0 ** max(0, math.floor(math.log10(n_wanted)) - _DIGITS + 1)
    return max(n + 1, min(most, int(math.ceil(n_wanted / step) * step)))


def check_reachable(target: TargetPrecision, n: int, mcse: float, most: int) -> None:
    """Refuse a precision that would take more replicates than are allowed. Raises `OptionError`."""
    option = f"--target-mcse {target.quantity}={target.mcse:g}"
    if n < 2:
        raise OptionError(option, "one trial has no error to start from.", "--replicates 2 or more.")
    if math.isnan(mcse):
        raise OptionError(option, f"it exists in fewer than two of the first {n:,} trials.", "a quantity that exists.")
    needed = trials_needed(n, mcse, target.mcse)
    if needed > most:
        reachable = mcse * math.sqrt(n / most)
        raise OptionError(option, f"that would take about {needed:,.0f} trials.", f"at least {reachable:.2g}.")
