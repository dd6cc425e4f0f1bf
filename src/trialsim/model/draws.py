"""Chance by address: (seed, replicate, patient, decision, occurrence) to a number in the open interval (0, 1).

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
SC'11, section 3.3), which is a function and not a stream: the address is its counter, the seed its key. The same
code serves NumPy arrays and plain `numpy.uint64` scalars; no operation wraps around.
"""

from __future__ import annotations

import math
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

from trialsim.typing import Floats

Words = npt.NDArray[np.uint64]

LARGEST_WORD: Final = 0xFFFFFFFF
LARGEST_SEED: Final = 2**64 - 1
ROUNDS: Final = 10

_MULTIPLIER_0: Final = np.uint64(0xD2511F53)
_MULTIPLIER_1: Final = np.uint64(0xCD9E8D57)
_WEYL_0: Final = np.uint64(0x9E3779B9)
_WEYL_1: Final = np.uint64(0xBB67AE85)
_MASK: Final = np.uint64(LARGEST_WORD)
_SHIFT_32: Final = np.uint64(32)
_SHIFT_20: Final = np.uint64(20)
_SHIFT_12: Final = np.uint64(12)


def philox4x32(c0: Words, c1: Words, c2: Words, c3: Words, k0: Words, k1: Words) -> tuple[Words, Words, Words, Words]:
    """Ten rounds of Philox4x32 on a 128-bit counter and a 64-bit key.

    Every argument holds 32-bit words in uint64 (any shapes that broadcast); so do the four results.
    """
    for _ in range(ROUNDS):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _SHIFT_32) ^ c1 ^ k0
        c1 = product_1 & _MASK
        c2 = (product_0 >> _SHIFT_32) ^ c3 ^ k1
        c3 = product_0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


def uniform_from_words(high: Words, low: Words) -> Floats:
    """Two 32-bit words to a uniform number with 52 random bits, never 0 and never 1.

    The number is (k + 1/2) / 2^52 for an integer 0 <= k < 2^52: exact in a double, at least 2^-53, at most 1 - 2^-53.
    """
    bits = (high << _SHIFT_20) | (low >> _SHIFT_12)
    return (bits + 0.5) * 2.0**-52


def unit_exponential(uniform: float) -> float:
    """A uniform number in (0, 1) to a unit-exponential threshold, by inversion."""
    return -math.log(uniform)


def decision_code(name: str) -> int:
    """The 32-bit code of a decision, from its name alone (CRC-32, ISO 3309).

    A code depends on no list and no order, so adding a decision moves no other. Two names of one scenario with the
    same code are refused when the scenario is read.
    """
    return zlib.crc32(name.encode("utf-8"))


def uniforms_at(
    seed: int, replicates: npt.ArrayLike, patients: npt.ArrayLike, decisions: npt.ArrayLike, occurrence: int = 1
) -> Floats:
    """The uniform number at each address; the shape is the one to which the parts of the addresses broadcast.

    The counter words are (occurrence, decision, patient, replicate); the key words are the low and high halves of the
    seed.
    """
    replicate, patient, decision = np.broadcast_arrays(replicates, patients, decisions)
    high, low, _, _ = philox4x32(
        np.full(patient.shape, occurrence, dtype=np.uint64),
        decision.astype(np.uint64),
        patient.astype(np.uint64),
        replicate.astype(np.uint64),
        np.full(patient.shape, seed & LARGEST_WORD, dtype=np.uint64),
        np.full(patient.shape, seed >> 32, dtype=np.uint64),
    )
    return uniform_from_words(high, low)
