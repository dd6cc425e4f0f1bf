"""The draws of one replicate, looked up by (patient, decision, occurrence)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from trialsim.model import draws

_PATIENTS_AT_ONCE: Final = 32


class DrawTable:
    """Uniform numbers of one (seed, replicate), computed in blocks of patients and kept.

    A look-up gives what `draws.uniforms_at` gives at that address; the blocks only save time.
    """

    def __init__(self, seed: int, replicate: int, codes: Iterable[int]) -> None:
        """`codes` are the decision codes that will be asked for."""
        self.seed = seed
        self.replicate = replicate
        self._codes = np.array(sorted(set(codes)), dtype=np.int64)
        self._columns = {int(code): i for i, code in enumerate(self._codes)}
        self._blocks: dict[tuple[int, int], list[list[float]]] = {}

    def uniform(self, patient: int, code: int, occurrence: int = 1) -> float:
        """The number at an address; patients and occurrences count from 1 (patient 0 is the trial itself)."""
        block = (occurrence, patient // _PATIENTS_AT_ONCE)
        rows = self._blocks.get(block)
        if rows is None:
            first = block[1] * _PATIENTS_AT_ONCE
            patients = np.arange(first, first + _PATIENTS_AT_ONCE, dtype=np.int64)
            rows = draws.uniforms_at(self.seed, self.replicate, patients[:, None], self._codes, occurrence).tolist()
            self._blocks[block] = rows
        return rows[patient % _PATIENTS_AT_ONCE][self._columns[code]]

    def threshold(self, patient: int, code: int, occurrence: int = 1) -> float:
        """The unit-exponential threshold at an address."""
        return draws.unit_exponential(self.uniform(patient, code, occurrence))
