"""The table of published against simulated, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.analysis import Estimate, OtherReading
from trialsim.config import Difference, Scenario, differences_from_published
from trialsim.config.calibrated_numbers import is_calibrated_to_its_cohort
from trialsim.report import words

FEWEST_FOR_A_RANGE: Final = 40  # below this the ends of a 95 % range are just the extremes
_MOST_DIFFERENCES: Final = 6


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
    trials = trials_in_words(scenario, estimates)
    departures = differences_from_published(scenario)
    heading = Text(f"\n{scenario.title}\n", style="bold")
    heading.append(f"{n_replicates:,} simulated {trials}, seed {seed}\n", style="not bold")
    parts: list[RenderableType] = [heading]
    if departures:
        parts.append(_departures(departures))
    if published:
        parts += [_table("Published against simulated", published), _verdict(scenario, published, departures), Text()]
    if readings:
        parts += [_readings_table(readings), *_outside_readings(readings)]
    parts.append(_table("Also measured", others))
    varies = scenario.parameters.use == "calibrated"
    if varies:
        scatter = _scatter_table(estimates)
        few = Text("Too few trials to tell patient sampling from unknown parameters; 400 are enough.\n")
        parts.append(scatter if scatter.row_count else few)
    return Group(*parts, Text(_note(trials, bool(published), varies)))


def trials_in_words(scenario: Scenario, estimates: Sequence[Estimate]) -> str:
    """`trials of 27 patients`, or `trials of up to 40 patients` where some end with fewer."""
    n = scenario.accrual.patients
    enrolled = next(item for item in estimates if item.statistic == "enrolled")
    return f"trials of {n} patients" if enrolled.value == n else f"trials of up to {n} patients"


def _departures(departures: Sequence[Difference]) -> Text:
    text = Text("Not the published trial:\n", style="bold")
    for item in departures[:_MOST_DIFFERENCES]:
        text.append(
            f"  {item.key}: {item.here or 'nothing'} (published: {item.there or 'nothing'})\n", style="not bold"
        )
    if len(departures) > _MOST_DIFFERENCES:
        text.append(f"  and {len(departures) - _MOST_DIFFERENCES} more\n", style="not bold")
    return text


def _empty_table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _table(title: str, estimates: Sequence[Estimate]) -> Table:
    """One row per estimate, with the published figure and its position where there is one."""
    has_published = any(estimate.printed for estimate in estimates)
    table = _empty_table(title)
    names = (
        ("figure", "published", "simulated", "95 % range", "at")
        if has_published
        else ("quantity", "simulated", "95 % range")
    )
    for name in names:
        is_text = name in ("figure", "quantity")
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=True, min_width=0 if is_text else len(name)
        )
    for item in estimates:
        simulated = words.with_error(item.value, item.mcse, item.unit)
        cells = [words.label(item.statistic), simulated, _range(item)]
        if has_published:
            cells = [cells[0], item.printed, *cells[1:], words.position(item.position)]
        table.add_row(*map(Text, cells))
    return table


def _scatter_table(estimates: Sequence[Estimate]) -> Table:
    """How far single trials scatter, and why: one row per estimate that scatters."""
    table = _empty_table("Why single trials differ: standard deviations")
    for name in ("figure", "patient sampling", "unknown parameters"):
        table.add_column(name, justify="left" if name == "figure" else "right", no_wrap=True)
    for item in estimates:
        if item.sd_sampling > 0.0 or item.sd_parameters > 0.0:
            sampling = words.with_error(item.sd_sampling, item.sd_sampling_mcse, item.unit)
            parameters = words.with_error(item.sd_parameters, item.sd_parameters_mcse, item.unit)
            table.add_row(*map(Text, (words.label(item.statistic), sampling, parameters)))
    return table


def _range(item: Estimate) -> str:
    if item.n_defined < FEWEST_FOR_A_RANGE:
        return words.NOTHING
    return words.interval(item.lower, item.upper, item.unit)


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


def _outside_readings(readings: Sequence[OtherReading]) -> list[Text]:
    found = [
        f"{words.label(item.estimate.quantity).partition(',')[0]}: {item.reading}"
        for item in readings
        if item.estimate.is_inside is False and item.estimate.n_defined >= FEWEST_FOR_A_RANGE
    ]
    return [Text(f"Outside the 95 % range under: {'; '.join(found)}.\n")] if found else []


def _verdict(scenario: Scenario, published: Sequence[Estimate], departures: Sequence[Difference]) -> Text:
    """Which figures lie outside, and what that says and does not say."""
    known = [item for item in published if item.n_defined >= FEWEST_FOR_A_RANGE]
    outside = [words.label(item.statistic) for item in known if item.is_inside is False]
    undefined = [words.label(item.statistic) for item in published if item.n_defined == 0]
    varies = scenario.parameters.use == "calibrated"
    lines = []
    if not known:
        lines.append(f"Too few trials for a range: it needs {FEWEST_FOR_A_RANGE}.")
    elif outside:
        lines.append(f"Outside the 95 % range: {', '.join(outside)}.")
    else:
        lines.append("Every published figure that exists here lies inside the 95 % range." if undefined else
                     "Every published figure lies inside the 95 % range.")  # fmt: skip
    not_inner = [words.label(item.statistic) for item in known if item.is_inside_80 is False]
    if varies and known and not not_inner:
        lines[-1] = "Every published figure lies inside the 80 % predictive interval."
    elif varies and not_inner and not outside:
        lines.append(f"Outside the 80 % predictive interval: {', '.join(not_inner)}.")
    if undefined:
        lines.append(f"Does not exist in these trials: {', '.join(undefined)}.")
    if departures:
        lines.append("This trial differs from the published one, so its figures need not agree.")
    elif is_calibrated_to_its_cohort(scenario):
        lines.append("The parameters were calibrated to these figures: this shows the fit, no more.")
    return Text("\n".join(lines), style="bold" if outside and not departures else "")


def _note(trials: str, has_published: bool, varies: bool) -> str:
    lines = ["± is the Monte Carlo standard error, which more replicates shrink. 95 % range:"]
    if varies:
        lines += [
            f"where 95 % of single {trials} fall; this is patient sampling",
            "(how far trials of this size scatter at known parameters) and what is unknown",
            "about the parameters, together.",
        ]
    else:
        lines += [
            f"where 95 % of single {trials} fall; this is patient sampling at",
            "fixed parameters and says nothing of what is unknown about them.",
        ]
    if has_published:
        lines += [
            "`at` is the share of trials below the published figure, with half of those",
            "equal to it (for a median: that round to it).",
        ]
    return "\n".join(lines) + "\n"
