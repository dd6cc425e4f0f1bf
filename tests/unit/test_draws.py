"""Philox and addresses: published known answers, NumPy's own generator of the same family, and the open interval."""

from __future__ import annotations

import numpy as np
import pytest

from trialsim.model import draws
from trialsim.patients import DrawTable


def words(*values: int) -> tuple[np.ndarray, ...]:
    return tuple(np.array([value], dtype=np.uint64) for value in values)


# The known-answer vectors of philox4x32 with 10 rounds that Random123 publishes (Salmon et al. 2011, file kat_vectors).
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    found = draws.philox4x32(*words(*counter), *words(*key))
    assert tuple(int(word[0]) for word in found) == answer


def test_philox_on_scalars_equals_philox_on_arrays() -> None:
    counter, key, answer = KNOWN_ANSWERS[2]
    scalars = [np.uint64(value) for value in (*counter, *key)]
    assert tuple(int(word) for word in draws.philox4x32(*scalars)) == answer  # type: ignore[arg-type]


def philox_in_python(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al. 2011, section 3.3, with Python's unbounded integers."""
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * counter[0], 2**32)
        high_1, low_1 = divmod(0xCD9E8D57 * counter[2], 2**32)
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return counter


def test_an_address_is_the_counter_and_the_seed_is_the_key() -> None:
    seed, replicate, patient, decision, occurrence = 2**40 + 17, 417, 3, draws.decision_code("arrival"), 2
    found = draws.uniforms_at(seed, replicate, patient, decision, occurrence)
    w0, w1, _, _ = philox_in_python([occurrence, decision, patient, replicate], [seed % 2**32, seed // 2**32])
    assert found == ((w0 * 2**20 + w1 // 2**12) + 0.5) / 2**52


def test_parts_of_addresses_broadcast() -> None:
    """Each number of a table of replicates and patients is the one at its own address."""
    table = draws.uniforms_at(2**40 + 17, np.arange(1, 4)[:, None], np.arange(5), 99)
    assert table.shape == (3, 5)
    for replicate in range(1, 4):
        for patient in range(5):
            assert table[replicate - 1, patient] == draws.uniforms_at(2**40 + 17, replicate, patient, 99, 1)
    assert draws.uniforms_at(1, np.arange(0), np.arange(0), 99).shape == (0,)


def test_uniform_numbers_never_reach_0_or_1() -> None:
    low, high = (np.array([word], dtype=np.uint64) for word in (0, 0xFFFFFFFF))
    smallest, largest = draws.uniform_from_words(low, low)[0], draws.uniform_from_words(high, high)[0]
    assert smallest == 2.0**-53
    assert largest == 1.0 - 2.0**-53
    assert 0.0 < draws.unit_exponential(largest) < draws.unit_exponential(smallest) < 37.0


def test_uniform_numbers_are_uniform_and_independent_along_every_part_of_the_address() -> None:
    n = 40_000
    codes = np.array([draws.decision_code("arrival"), draws.decision_code("sensitivity")])
    table = draws.uniforms_at(11, 5, np.arange(1, n + 1)[:, None], codes, 1)
    later = draws.uniforms_at(11, 5, np.arange(1, n + 1)[:, None], codes, 2)
    other = draws.uniforms_at(11, 6, np.arange(1, n + 1)[:, None], codes, 1)
    for column in (table[:, 0], later[:, 1], other[:, 0]):
        counts, _ = np.histogram(column, bins=20, range=(0, 1))
        chi_square = ((counts - n / 20) ** 2 / (n / 20)).sum()
        assert abs(chi_square - 19) < 4 * np.sqrt(2 * 19)
    for a, b in ((table[:, 0], table[:, 1]), (table[:, 0], later[:, 0]), (table[:, 0], other[:, 0]),
                 (table[:-1, 0], table[1:, 0])):  # fmt: skip
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(n)


def test_a_decision_code_depends_on_its_name_alone() -> None:
    assert draws.decision_code("123456789") == 0xCBF43926  # the check value of CRC-32 (ISO 3309)


def test_a_draw_table_gives_what_stands_at_the_address() -> None:
    codes = [draws.decision_code(name) for name in ("arrival", "site", "clock: rash")]
    table = DrawTable(3, 8, codes)
    for patient in (1, 31, 32, 500):
        for code in codes:
            for occurrence in (1, 3):
                direct = draws.uniforms_at(3, 8, patient, code, occurrence)
                assert table.uniform(patient, code, occurrence) == direct
