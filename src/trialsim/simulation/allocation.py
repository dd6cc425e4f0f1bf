"""Who goes where in a parallel trial: permuted blocks within strata, by address.

A block of a stratum is a permutation of its places; the place of a patient is the rank of its own draw among those of
the block, so a block that nobody fills is a permutation all the same, and one more patient moves no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.errors import RequestError
from trialsim.model.draws import decision_code, uniforms_at
from trialsim.model.protocol import Accrual, Protocol
from trialsim.records.baseline import strata_of
from trialsim.simulation.patients import PatientTable
from trialsim.typing import Counts


@dataclass(frozen=True)
class Arms:
    """Permuted blocks: `block` has the arm of each place of a block, `strata` what patients are split by."""

    block: tuple[int, ...]
    strata: tuple[str, ...]

    def of(self, protocol: Protocol, table: PatientTable, seed: int) -> Counts:
        """The arm of each patient, shape (patients,); those of a trial are allocated in the order of enrolment.

        `protocol` is the one under which the patients were enrolled, or that of another arm of the same trial.
        """
        return self.with_strata(protocol, table, seed)[0]

    def with_strata(self, protocol: Protocol, table: PatientTable, seed: int) -> tuple[Counts, Counts]:
        """The arm of each patient as `of` gives it, and the stratum, from 0 in the order of its codes."""
        numbers, days = table["patient"].astype(np.int64), table["enrolled_day"]
        codes = strata_of(protocol, seed, table.enrolled, self.strata)
        strata, inverse = np.unique(codes, axis=0, return_inverse=True)
        stratum_index = inverse.reshape(-1)
        arms = np.zeros(len(table), dtype=np.int64)
        for i, stratum in enumerate(strata.tolist()):
            members = np.flatnonzero(stratum_index == i)
            members = members[np.lexsort((numbers[members], days[members], table.replicate[members]))]
            trial = table.replicate[members]
            place = np.arange(len(members)) - np.searchsorted(trial, trial)  # of each among those of trial and stratum
            most = int(place.max(initial=0)) + 1
            arms[members] = self.of_places(table.first, table.n, most, seed, stratum)[trial, place]
        return arms, stratum_index

    def is_known_by_place(self, plan: Accrual) -> bool:
        """Whether the arm of a patient follows from the place among the eligible, before anything is simulated."""
        return not self.strata and plan.window_days == 0.0

    def of_places(self, first: int, n_trials: int, n: int, seed: int, stratum: Sequence[int] = (0,)) -> Counts:
        """The arms of the first `n` patients of a stratum in trials from `first` on, by order of enrolment.

        Without strata everybody is in the same one. Shape (trials, n).
        """
        size = len(self.block)
        n_blocks = -(-n // size)
        decision = decision_code(f"allocation: {'-'.join(map(str, stratum))}")
        trials, places = np.arange(first, first + n_trials), np.arange(1, n_blocks * size + 1)
        chance = uniforms_at(seed, trials[:, None], places, decision).reshape(n_trials, n_blocks, size)
        order = np.argsort(chance, axis=2, kind="stable")
        return np.asarray(np.array(self.block)[order].reshape(n_trials, -1)[:, :n])


def arms_of(
    protocol: Protocol, names: tuple[str, ...], ratio: dict[str, int], block: int | None, strata: tuple[str, ...]
) -> Arms:
    """Permuted blocks of a ratio. Raises `RequestError` where the block does not hold it, or a stratum is not there."""
    one_round = [i for i, name in enumerate(names) for _ in range(ratio.get(name, 1))]
    size = block if block is not None else 2 * len(one_round)
    if len(set(one_round)) < len(names) or any(count < 1 for count in ratio.values()):
        raise RequestError(
            "allocation.ratio", "every arm needs patients.", "whole numbers from 1.", key="allocation.ratio"
        )
    if size % len(one_round):
        problem = f"a block of {size} does not hold the ratio, which takes {len(one_round)} patients."
        raise RequestError("allocation.block", problem, f"a multiple of {len(one_round)}.", key="allocation.block")
    known = [item.name for item in protocol.covariates if item.categories]
    known += ["site"] if protocol.accrual.site_names else []
    for name in strata:
        if name not in known:
            raise RequestError(
                "allocation.strata",
                f"there is no {name} to split by.",
                f"{', '.join(known) or 'none'}.",
                key="allocation.strata",
            )
    return Arms(tuple(one_round * (size // len(one_round))), strata)
