"""Tables and paragraphs fit the console, keep every cell, and drop columns that say nothing."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from trialsim.report.labels import NOTHING
from trialsim.report.layout import DataTable, Paragraph


def printed(view: RenderableType, width: int, encoding: str = "utf-8") -> list[str]:
    inner = io.BytesIO()
    file = io.TextIOWrapper(inner, encoding)
    Console(file=file, width=width).print(view)
    file.flush()
    return inner.getvalue().decode(encoding).splitlines()


def wide_table() -> DataTable:
    table = DataTable("Differences", ("variant", *(f"endpoint number {i}, %" for i in range(9)), "nothing"))
    for name in ("as published", "hold and resume until recovery"):
        table.add(name, *(f"+{i}.25 ± 0.01 %" for i in range(9)), NOTHING)
    return table


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_table_fits_and_keeps_every_cell(width: int, encoding: str) -> None:
    lines = printed(wide_table(), width, encoding)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    mark = "±" if encoding == "utf-8" else "+/-"
    assert all(text.count(f"+{i}.25 {mark} 0.01 %") == 2 for i in range(9))


def test_a_table_that_fits_is_one_table_and_a_narrow_one_repeats_the_names() -> None:
    def heads(width: int) -> int:
        return sum(line.strip().startswith("variant") for line in printed(wide_table(), width))

    assert heads(250) == 1
    assert heads(60) > 1


def test_a_column_without_information_is_left_out() -> None:
    assert "nothing" not in "\n".join(printed(wide_table(), 250))
    kept = DataTable("", ("name", "value"))
    kept.add("a", NOTHING)
    kept.add("b", "1")
    assert "value" in "\n".join(printed(kept, 80))


def test_words_of_names_are_not_broken() -> None:
    table = DataTable("", ("name", "title"), prose=("title",))
    table.add("compare_titration_of_doses", "Titration of thalidomide in relapsed myeloma on three sites")
    lines = printed(table, 60)
    assert any("compare_titration_of_doses" in line for line in lines)
    assert max(map(len, lines)) <= 60


def test_paragraphs_are_wrapped_with_their_indent() -> None:
    lines = printed(Paragraph("  " + "word " * 30), 40)
    assert max(map(len, lines)) <= 40
    assert all(line.startswith("    ") for line in lines[1:])
