"""Tables that lie side by side: a record and the tables whose addresses it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

_PAGE: Final = 4096
_LINE: Final = 64


def side_by_side(record: np.dtype[Any], tables: Mapping[str, np.dtype[Any]], sizes: Mapping[str, int]) -> Any:
    """A record of zeros, tables of zeros by name, one after another from the start of a page, and where that page is.

    The record's fields `NAME_at` and `n_NAME` hold the address and the length of each table. Tables from all over the
    memory may fall on the same place of different pages, where a processor takes one for the other and waits (a
    quarter of the speed, in one process and not in the next).
    """
    starts = {}
    end = -(-record.itemsize // _LINE) * _LINE
    for name, dtype in tables.items():
        starts[name] = end
        end += -(-dtype.itemsize * sizes[name] // _LINE) * _LINE
    memory = np.zeros(end + _PAGE, dtype=np.uint8)
    first = -memory.ctypes.data % _PAGE
    memory = memory[first : first + end]
    address = int(memory.ctypes.data)
    header = memory[: record.itemsize].view(record)[0]
    views = {}
    for name, dtype in tables.items():
        views[name] = memory[starts[name] : starts[name] + dtype.itemsize * sizes[name]].view(dtype)
        header[f"{name}_at"], header[f"n_{name}"] = address + starts[name], sizes[name]
    return header, views, address
