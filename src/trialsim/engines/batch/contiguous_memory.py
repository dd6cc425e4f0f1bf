"""Tables that lie side by side: a record and the tables whose addresses it holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from trialsim.typing import Counts

_PAGE: Final = 4096
_LINE: Final = 64
_WORD: Final = 8


def side_by_side(record: np.dtype[Any], tables: Mapping[str, np.dtype[Any]], sizes: Mapping[str, int]) -> Any:
    """A record of zeros, tables of zeros by name, one after another from the start of a page, and where that page is.

    The record's fields `NAME_at` and `n_NAME`, eight bytes each, hold the address and the length of each table. Tables
    from all over the memory may fall on the same place of different pages, where a processor takes one for the other
    and waits (a quarter of the speed, in one process and not in the next).
    """
    starts = []
    end = _lines(record.itemsize)
    for name, dtype in tables.items():
        starts.append(end)
        end += _lines(dtype.itemsize * sizes[name])
    memory = np.zeros(end + _PAGE, dtype=np.uint8)
    page = int(memory.__array_interface__["data"][0])
    first = -page % _PAGE
    words = np.ndarray(record.itemsize // _WORD, np.int64, memory, first)
    places_of_addresses, places_of_lengths = _places(record, tuple(tables))
    words[places_of_addresses] = [page + first + start for start in starts]
    words[places_of_lengths] = [sizes[name] for name in tables]
    views = {
        name: np.ndarray(sizes[name], dtype, memory, first + start)
        for (name, dtype), start in zip(tables.items(), starts, strict=True)
    }
    return np.ndarray(1, record, memory, first)[0], views, page + first


def _lines(n_bytes: int) -> int:
    """As many bytes as the lines of memory have that hold some bytes."""
    return -(-n_bytes // _LINE) * _LINE


@cache
def _places(record: np.dtype[Any], names: tuple[str, ...]) -> tuple[Counts, Counts]:
    """The words of a record that hold the addresses of its tables, and those that hold their lengths."""
    fields: Mapping[str, Any] = record.fields or {}
    addresses, lengths = (
        np.array([fields[text.format(name)][1] // _WORD for name in names]) for text in ("{}_at", "n_{}")
    )
    return addresses, lengths
