"""The table of published against simulated, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.analysis import Estimate, OtherReading
from trialsim.config import Scenario
from trialsim.report import words


def estimates_view(
    scenario: Scenario,
    estimates: Sequence[Estimate],
    readings: Sequence[OtherReading],
    n_replicates: int,
    seed: int,
) -> RenderableType:
    """The estimates of a run: published figures first where there are some, then what else was measured."""
    published = [estimate for estimate in estimates if estimate.printed]
    others = [estimate for estimate in estimates if not estimate.printed]
    n = scenario.accrual.patients
    heading = Text(f"\n{scenario.title}\n", style="bold")
    heading.append(f"{n_replicates:,} simulated trials of {n} patients, seed {seed}\n", style="not bold")
    parts: list[RenderableType] = [heading]
    if published:
        parts += [_table("Published against simulated", published), _verdict(published, n), Text()]
    if readings:
        parts.append(_readings_table(readings))
    return Group(*parts, _table("Also measured", others), Text(_note(n, bool(published))))


def _table(title: str, estimates: Sequence[Estimate]) -> Table:
    """One row per estimate, with the published figure and its position where there is one."""
    has_published = any(estimate.printed for estimate in estimates)
    table = _empty_table(title)
    table.add_column("figure" if has_published else "quantity", no_wrap=True)
    for name in ("published", "simulated", "95 % range", "at") if has_published else ("simulated", "95 % range"):
        table.add_column(name, justify="right", no_wrap=True)
    cells: tuple[str, ...]
    for item in estimates:
        simulated = words.with_error(item.value, item.mcse, item.unit)
        interval = words.interval(item.lower, item.upper, item.unit)
        if has_published:
            cells = (words.label(item.statistic), item.printed, simulated, interval, words.position(item.position))
        else:
            cells = (words.label(item.statistic), simulated, interval)
        table.add_row(*map(Text, cells))
    return table


def _readings_table(readings: Sequence[OtherReading]) -> Table:
    """The figures that another reading of the publication would compare with the same trials."""
    table = _empty_table("The same trials under other readings of the publication")
    for name in ("figure: reading", "published", "simulated", "at"):
        table.add_column(name, justify="left" if name == "figure: reading" else "right", no_wrap=True)
    for item in readings:
        found = item.estimate
        what = f"{words.label(found.quantity).partition(',')[0]}: {item.reading}"
        simulated = words.with_error(found.value, found.mcse, found.unit)
        table.add_row(*map(Text, (what, found.printed, simulated, words.position(found.position))))
    return table


def _empty_table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _verdict(published: Sequence[Estimate], n: int) -> Text:
    outside = [words.label(item.statistic) for item in published if item.is_inside is False]
    undefined = [words.label(item.statistic) for item in published if item.is_inside is None]
    text = Text()
    if outside:
        text.append(f"Outside the 95 % range of trials of {n}: {', '.join(outside)}.", style="bold red")
    else:
        every = "Every published figure" if not undefined else "Every other published figure"
        text.append(f"{every} lies inside the 95 % range of trials of {n}.")
    if undefined:
        text.append(f"\nDoes not exist in these trials: {', '.join(undefined)}.")
    return text


def _note(n: int, has_published: bool) -> str:
    at = (
        "`at` is the share of trials below the published figure, with half of those\n"
        "equal to it (for a median: that round to it).\n"
    )
    return (
        "± is the Monte Carlo standard error of the mean. 95 % range: where 95 % of\n"
        f"single trials of {n} patients fall; this is patient sampling at fixed parameters\n"
        "and says nothing of what is unknown about the parameters.\n" + (at if has_published else "")
    )
