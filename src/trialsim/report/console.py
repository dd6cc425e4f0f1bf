"""The table of published against simulated, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.analysis import Estimate
from trialsim.config import Scenario
from trialsim.report import words


def estimates_view(scenario: Scenario, estimates: Sequence[Estimate], n_replicates: int, seed: int) -> RenderableType:
    """The estimates of a run: published figures first where there are some, then what else was measured."""
    published = [estimate for estimate in estimates if estimate.printed]
    others = [estimate for estimate in estimates if not estimate.printed]
    n = scenario.accrual.patients
    heading = Text(f"\n{scenario.title}\n", style="bold")
    heading.append(f"{n_replicates:,} simulated trials of {n} patients, seed {seed}\n", style="not bold")
    parts: list[RenderableType] = [heading]
    if published:
        parts += [_table("Published against simulated", published), _verdict(published, n), Text()]
    return Group(*parts, _table("Also measured", others), Text(_note(n, bool(published))))


def _table(title: str, estimates: Sequence[Estimate]) -> Table:
    """One row per estimate, with the published figure and its position where there is one."""
    has_published = any(estimate.printed for estimate in estimates)
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, collapse_padding=True)
    table.add_column("figure" if has_published else "quantity", no_wrap=True)
    for name in (
        ("published", "simulated", "95 % of trials", "at") if has_published else ("simulated", "95 % of trials")
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for item in estimates:
        simulated = words.with_error(item.value, item.mcse, item.unit)
        interval = words.interval(item.lower, item.upper, item.unit)
        if has_published:
            table.add_row(words.label(item.quantity), item.printed, simulated, interval, words.position(item.position))
        else:
            table.add_row(words.label(item.quantity), simulated, interval)
    return table


def _verdict(published: Sequence[Estimate], n: int) -> Text:
    outside = [words.label(item.quantity) for item in published if not 0.025 <= item.position <= 0.975]
    if outside:
        return Text(f"Outside the 95 % interval of trials of {n}: {', '.join(outside)}.", style="bold red")
    return Text(f"Every published figure lies inside the 95 % interval of trials of {n}.")


def _note(n: int, has_published: bool) -> str:
    at = (
        "`at` is the share of trials below the published figure, with half of those\n"
        "equal to it after rounding as printed.\n"
    )
    return (
        "± is the Monte Carlo standard error of the mean. 95 % of trials: where single\n"
        f"trials of {n} patients fall; this is patient sampling with the parameters fixed,\n"
        "and says nothing of what is unknown about the parameters.\n" + (at if has_published else "")
    )
