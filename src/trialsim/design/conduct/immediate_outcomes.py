"""Immediate outcomes with known probabilities, by address. Compiled."""

from __future__ import annotations

import numpy as np

from trialsim.compiled.jit import compiled, known_to_compiler
from trialsim.model import draws
from trialsim.model.draws import philox4x32, uniform_from_words
from trialsim.typing import Counts, Floats

known_to_compiler(draws)


@compiled
def draw_answers(
    edges: Floats,
    arms: Counts,
    code: int,
    key_low: np.uint64,
    key_high: np.uint64,
    first: int,
    event: Floats,
) -> None:
    """Fill in 0 (study day of the first dose) where a patient has the event; `event` (trials, patients, outcomes).

    `edges` (arms, cells - 1) are cumulative probabilities of the joint outcomes, the last outcome changing fastest, two
    answers each; `arms` (patients,) has the arm of each. The address is (occurrence 1, `code`, patient, trial).
    """
    n_questions = event.shape[2]
    one, own_code = np.uint64(1), np.uint64(code)
    for t in range(event.shape[0]):
        trial = np.uint64(first + t)
        for i in range(event.shape[1]):
            high, low, _, _ = philox4x32(one, own_code, np.uint64(i + 1), trial, key_low, key_high)  # type: ignore[arg-type]
            uniform = uniform_from_words(high, low)
            cell = 0
            for edge in edges[arms[i]]:
                cell += uniform >= edge
            for k in range(n_questions):
                if (cell >> (n_questions - 1 - k)) & 1:
                    event[t, i, k] = 0.0
