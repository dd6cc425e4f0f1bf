"""Characters that a stream lacks get plain substitutes; nothing that is printed ends in an exception."""

from __future__ import annotations

import io

import pytest

from trialsim.report.streams import PLAIN, plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "koi8-r"])
def test_every_text_can_be_written_in_every_encoding(encoding: str) -> None:
    text = "".join(map(chr, range(0x20, 0x3000))) + "\U0001f600\ud800"
    plain(text, encoding).encode(encoding)


def test_characters_that_are_there_stay_and_others_become_plain() -> None:
    assert plain("5 ± 1 – 2 → 3 ≥ 4 × 5…", "ascii") == "5 +/- 1 - 2 -> 3 >= 4 x 5..."
    assert plain("5 ± 1 → 3, Müller", "latin-1") == "5 ± 1 -> 3, Müller"
    assert plain("Müller, Łódź, 東", "ascii") == "Muller, ?odz, ?"


def test_a_stream_with_the_handler_takes_what_it_has_no_character_for() -> None:
    inner = io.BytesIO()
    stream = io.TextIOWrapper(inner, "cp1252", errors=PLAIN)
    stream.write("300 → 500 mg/day")
    stream.flush()
    assert inner.getvalue() == b"300 -> 500 mg/day"
