"""Two-arm trials as formulas see them: uniform accrual, exponential times, known hazards. Compiled, by address.

What design programs simulate: no titration, no visits, every event seen at once. A trial takes some ten microseconds.
"""

from __future__ import annotations

from math import inf, log

import numba
import numpy as np

from trialsim.compiled.jit import known_to_compiler
from trialsim.compiled.logrank import logrank_of_keys, set_key, z_statistic
from trialsim.model import draws
from trialsim.model.draws import LARGEST_WORD, decision_code, philox4x32, uniform_from_words
from trialsim.typing import Counts, Floats

known_to_compiler(draws)
_CODE = np.uint64(decision_code("exponential trial"))


def exponential_trials(
    n_patients: int,
    accrual: float,
    hazards: tuple[float, float],
    dropout: tuple[float, float],
    looks: tuple[int, ...],
    follow_up: float,
    seed: int,
    first: int,
    n_trials: int,
) -> tuple[Floats, Counts, Floats]:
    """Log-rank z statistic, events and day of every look of `n_trials` trials from `first` on; shapes (trials, looks).

    `n_patients` take turns in two arms and come uniformly over `accrual`; `hazards` and `dropout` are per unit of time,
    by arm. Looks come at so many events, the last one `follow_up` after the end of accrual at the latest; a look whose
    events do not come has no day (NaN). Times in any unit, the same for all.
    """
    z, events = np.zeros((n_trials, len(looks))), np.zeros((n_trials, len(looks)), np.int64)
    days = np.full((n_trials, len(looks)), np.nan)
    low, high = np.uint64(seed & LARGEST_WORD), np.uint64(seed >> 32)
    _simulate(
        n_patients, accrual, np.array(hazards), np.array(dropout), np.array(looks), accrual + follow_up, low, high,
        first, z, events, days,
    )  # fmt: skip
    return z, events, days


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _simulate(
    n: int,
    accrual: float,
    hazards: Floats,
    dropout: Floats,
    looks: Counts,
    last_day: float,
    key_low: np.uint64,
    key_high: np.uint64,
    first: int,
    z: Floats,
    events: Counts,
    days: Floats,
) -> None:
    entry, time, left, seen = np.empty(n), np.empty(n), np.full(n, inf), np.empty(n)
    keys = np.empty(n, np.int64)
    loses = dropout[0] > 0.0 or dropout[1] > 0.0
    one, two = np.uint64(1), np.uint64(2)
    n_looks = looks.size
    for t in range(z.shape[0]):
        replicate = np.uint64(first + t)
        for i in range(n):
            who = np.uint64(i + 1)
            a, b, c, d = philox4x32(one, _CODE, who, replicate, key_low, key_high)  # type: ignore[arg-type]
            entry[i] = accrual * uniform_from_words(a, b)
            rate = hazards[i & 1]
            time[i] = -log(uniform_from_words(c, d)) / rate if rate > 0.0 else inf
            if loses:
                a, b, c, d = philox4x32(two, _CODE, who, replicate, key_low, key_high)  # type: ignore[arg-type]
                rate = dropout[i & 1]
                left[i] = -log(uniform_from_words(a, b)) / rate if rate > 0.0 else inf
            seen[i] = entry[i] + time[i] if time[i] <= left[i] else inf
        for k in range(n_looks):
            day = inf
            if looks[k] <= n:
                day = np.partition(seen, looks[k] - 1)[looks[k] - 1]
            if day > last_day:
                if k < n_looks - 1:
                    continue
                day = last_day
            days[t, k] = day
            size = 0
            for i in range(n):
                if entry[i] < day:
                    has_event = seen[i] <= day
                    set_key(keys, size, time[i] if has_event else min(day - entry[i], left[i]), has_event, i & 1 == 1)
                    events[t, k] += has_event
                    size += 1
            keys[:size].sort()
            difference, variance = logrank_of_keys(keys[:size])
            z[t, k] = z_statistic(difference, variance)
