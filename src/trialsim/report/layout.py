"""Tables and paragraphs that fit the width and the characters of the console that prints them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich import box
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.report.labels import NOTHING
from trialsim.report.streams import plain

MAX_LINE: Final = 100  # longer lines of prose are hard to read
_MIN_NAME: Final = 12  # columns that the names of rows keep in a narrow terminal
_MIN_PROSE: Final = 24  # columns of a sentence in a narrow terminal
_MIN_SHARE: Final = 0.6  # of their width, where that keeps a table in one part
_PLAIN_HEAD: Final = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)  # box.SIMPLE_HEAD in ASCII


@dataclass
class Paragraph:
    """Lines of text, each wrapped with its continuation indented as far as the line itself, and two more."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The lines, in the characters of the console."""
        width = min(options.max_width, MAX_LINE)
        lines = [_wrapped(line, width) for line in plain(self.text, console.encoding).split("\n")]
        yield Text("\n".join(lines), style=self.style)


def _wrapped(line: str, width: int) -> str:
    indent = len(line) - len(line.lstrip())
    later = " " * (indent + 2 if indent else 0)
    return textwrap.fill(line, width, subsequent_indent=later, break_on_hyphens=False, break_long_words=False)


@dataclass
class DataTable:
    """A titled table of texts; columns without information are left out, and what is too wide continues below.

    The first `n_names` columns name the rows; they, `left` and `prose` are flush left, and `prose` may
    take several lines. Rows come with `add`.
    """

    title: str
    names: Sequence[str]
    left: Sequence[str] = ("unit",)
    n_names: int = 1
    prose: Sequence[str] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append(tuple(map(str, cells)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The title, and as many tables one below another as the width needs."""
        if self.title:
            yield Paragraph(self.title, "bold")
        columns = self._columns(console.encoding)
        head = _PLAIN_HEAD if options.ascii_only else box.SIMPLE_HEAD
        for part in _parts(columns, self.n_names, options.max_width):
            yield _drawn(part, head)

    def _columns(self, encoding: str) -> list[_Column]:
        """The columns that say something; those that name the rows always do."""
        columns = []
        for i, name in enumerate(self.names):
            cells = [plain(row[i], encoding) for row in self.rows]
            if i < self.n_names or any(cell not in ("", plain(NOTHING, encoding)) for cell in cells):
                is_left = i < self.n_names or name in self.left or name in self.prose
                columns.append(_Column(plain(name, encoding), cells, is_left, name in self.prose))
        return columns


@dataclass
class _Column:
    name: str
    cells: list[str]
    is_left: bool
    is_prose: bool = False
    width: int = 0

    @property
    def body(self) -> int:
        return max(map(cell_len, self.cells), default=0)

    @property
    def full(self) -> int:
        """The width with its name in one line."""
        return max(self.body, cell_len(self.name))

    @property
    def least(self) -> int:
        """The width with its name, and prose, broken between words."""
        body = min(self.body, _MIN_PROSE) if self.is_prose else self.body
        return max([body, *map(cell_len, self.name.split())])

    @property
    def longest_word(self) -> int:
        return max((cell_len(word) for cell in self.cells for word in cell.split()), default=0)


def _parts(columns: list[_Column], n_names: int, width: int) -> Iterator[list[_Column]]:
    """The columns in groups that fit, each group after the names of the rows."""
    names, others = columns[:n_names], columns[n_names:]
    for column in columns:
        column.width = column.full
    if _width(columns) > width:
        for column in others:
            column.width = column.least
    widest = max([column.width for column in others], default=0)
    if not _narrow(names, _width(columns) - width, _MIN_SHARE):
        _narrow(names, _width(names) + widest + 3 - width, 0.0)
    for column in others:  # what is left over
        if column.is_prose:
            column.width = max(column.width, min(column.full, width - _width(columns) + column.width))
    part = list(names)
    for column in others:
        if len(part) > n_names and _width([*part, column]) > width:
            yield part
            part = list(names)
        column.width = min(column.width, max(1, width - _width(names) - 3))
        part.append(column)
    yield part


def _narrow(names: list[_Column], excess: int, least_share: float) -> bool:
    """Make names of rows narrower by `excess`, so that they take several lines; whether that is enough.

    Nothing is done where they would keep less than a share of their width and it still were not enough.
    """
    least = [
        min(column.width, max(_MIN_NAME, column.longest_word, math.ceil(least_share * column.width)))
        for column in names
    ]
    is_enough = excess <= sum(column.width - low for column, low in zip(names, least, strict=True))
    if is_enough or least_share == 0.0:
        for column, low in reversed(list(zip(names, least, strict=True))):
            cut = min(max(excess, 0), column.width - low)
            column.width -= cut
            excess -= cut
    return is_enough


def _width(columns: Sequence[_Column]) -> int:
    """The width of a table: two spaces between cells and a space for each line between columns and at the ends."""
    return sum(column.width for column in columns) + 3 * len(columns) - 1


def _drawn(columns: Sequence[_Column], head: Box) -> Table:
    table = Table(box=head, pad_edge=False, show_header=any(column.name for column in columns))
    for column in columns:
        table.add_column(Text(column.name), justify="left" if column.is_left else "right", width=column.width,
                         overflow="fold")  # fmt: skip
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table
