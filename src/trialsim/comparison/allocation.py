"""Who goes where in a parallel trial: permuted blocks within strata, by address.

A block of a stratum is a permutation of its seats; the seat of a patient is where an own draw of the seat falls among
those of the block, so a block that nobody fills is a permutation all the same, and one more patient moves no other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trialsim.errors import RequestError
from trialsim.model.draws import LARGEST_WORD, decision_code, philox4x32, uniform_from_words, uniforms_at
from trialsim.model.protocol import Protocol
from trialsim.montecarlo.patients import PatientTable
from trialsim.records.who import strata_of

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Arms:
    """Permuted blocks: `seats` has the arm of each seat of a block, `strata` what patients are split by."""

    protocol: Protocol
    seats: tuple[int, ...]
    strata: tuple[str, ...]

    def of(self, table: PatientTable, seed: int) -> Counts:
        """The arm of each patient, shape (patients,); those of a trial are allocated in the order of enrolment."""
        found = np.zeros(len(table), dtype=np.int64)
        edges = np.searchsorted(table.replicate, np.arange(table.n + 1))
        for i in range(table.n):
            own = np.arange(edges[i], edges[i + 1])
            if len(own) == 0:
                continue
            replicate = table.first + i
            numbers = table["patient"][own].astype(np.int64)
            stratum = strata_of(self.protocol, seed, replicate, numbers, self.strata)
            in_order = np.lexsort((numbers, table["enrolled_day"][own]))
            for code in np.unique(stratum, axis=0):
                group = in_order[(stratum[in_order] == code).all(axis=1)]
                found[own[group]] = self._allocated(seed, replicate, code, len(group))
        return found

    def of_trials(self, table: PatientTable, seed: int, numbers: Counts) -> Counts:
        """The arm of each patient, trials as rows: `numbers` (trials, patients) in order of enrolment, 0 for nobody.

        The same as `of`, for many trials at once where nobody is stratified.
        """
        if self.strata:
            arms = np.zeros(numbers.shape, np.int64)
            row, place = np.nonzero(numbers)
            width = int(numbers.max(initial=0)) + 1
            found = np.zeros((table.n, width), np.int64)
            found[table.replicate, table["patient"].astype(np.int64)] = self.of(table, seed)
            arms[row, place] = found[row, numbers[row, place]]
            return arms
        return self.of_places(table.first, len(numbers), numbers.shape[1], seed)

    def of_places(self, first: int, n_trials: int, n: int, seed: int) -> Counts:
        """The arms of the first `n` patients of trials from `first` on, by order of enrolment; nobody is stratified."""
        size = len(self.seats)
        n_blocks = -(-n // size)
        shape = (n_trials, n_blocks * size)
        words = philox4x32(
            np.ones(shape, np.uint64),
            np.full(shape, decision_code("allocation: 0"), np.uint64),
            np.broadcast_to(np.arange(1, shape[1] + 1, dtype=np.uint64), shape),
            np.broadcast_to(np.arange(first, first + n_trials, dtype=np.uint64)[:, None], shape),
            np.full(shape, seed & LARGEST_WORD, np.uint64),
            np.full(shape, seed >> 32, np.uint64),
        )
        chance = uniform_from_words(words[0], words[1]).reshape(n_trials, n_blocks, size)
        order = np.argsort(chance, axis=2, kind="stable")
        return np.asarray(np.array(self.seats)[order].reshape(n_trials, -1)[:, :n])

    def _allocated(self, seed: int, replicate: int, stratum: Counts, n: int) -> Counts:
        """The arms of the first `n` patients of a stratum."""
        size = len(self.seats)
        n_seats = -(-n // size) * size
        decision = np.array([decision_code(f"allocation: {'-'.join(map(str, stratum.tolist()))}")])
        chance = uniforms_at(seed, replicate, np.arange(1, n_seats + 1), decision, 1)[:, 0].reshape(-1, size)
        order = np.argsort(chance, axis=1, kind="stable")
        return np.asarray(np.array(self.seats)[order].reshape(-1)[:n])


def arms_of(
    protocol: Protocol, names: tuple[str, ...], ratio: dict[str, int], block: int | None, strata: tuple[str, ...]
) -> Arms:
    """Permuted blocks of a ratio. Raises `RequestError` where the block does not hold it, or a stratum is not there."""
    once = [i for i, name in enumerate(names) for _ in range(ratio.get(name, 1))]
    size = block if block is not None else 2 * len(once)
    if len(set(once)) < len(names) or any(count < 1 for count in ratio.values()):
        raise RequestError("allocation.ratio", "every arm needs patients.", "whole numbers from 1.")
    if size % len(once):
        wrong = f"a block of {size} does not hold the ratio, which takes {len(once)} patients."
        raise RequestError("allocation.block", wrong, f"a multiple of {len(once)}.")
    known = [item.name for item in protocol.covariates if item.categories]
    known += ["site"] if protocol.accrual.site_names else []
    for name in strata:
        if name not in known:
            raise RequestError(
                "allocation.strata", f"there is no {name} to split by.", f"{', '.join(known) or 'none'}."
            )
    return Arms(protocol, tuple(once * (size // len(once))), strata)
