"""What holds for all pictures: how they are drawn, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 150
# Without the time of writing in it, the same picture is the same file.
_NO_DATE: Final = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save_figures(folder: Path, formats: Sequence[str], figures: Mapping[str, Figure | None]) -> None:
    """Write figures into a folder by name, in every format; one that is None had nothing to show."""
    for name, figure in figures.items():
        if figure is not None:
            for form in formats:
                figure.savefig(folder / f"{name}.{form}", dpi=DPI, metadata=_NO_DATE[form])


def prepare() -> None:
    """Settle what holds for all pictures; before the first is drawn."""
    import warnings

    import matplotlib  # slow to import, and not needed before pictures are drawn

    # A title may hold any character; one that the font lacks is drawn as a box, and is no news for the terminal.
    warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)

    matplotlib.use("Agg")
    matplotlib.rcParams["text.parse_math"] = False  # a name may hold a dollar sign
    matplotlib.rcParams["svg.hashsalt"] = "trialsim"  # names of parts that do not differ from file to file
    matplotlib.rcParams["pdf.fonttype"] = 42  # letters that stay letters, and can be edited
    matplotlib.rcParams["svg.fonttype"] = "none"  # the same
