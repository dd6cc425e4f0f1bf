"""What a run prints: published against simulated, a line for each other part, every table on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from trialsim.analysis import Estimate, OtherInterpretation
from trialsim.config import Difference, Scenario, differences_from_published
from trialsim.config.checks.calibrated_values import is_calibrated_to_its_cohort
from trialsim.endpoints.registry import statistic_label, statistic_title
from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph

FEWEST_FOR_A_RANGE: Final = 40  # below this the ends of a 95 % range are just the extremes
_MOST_DIFFERENCES: Final = 6
_MAX_IN_LINE: Final = 4  # quantities that the line of a part names


def estimates_view(
    scenario: Scenario,
    estimates: Sequence[Estimate],
    interpretations: Sequence[OtherInterpretation],
    n_replicates: int,
    seed: int,
    has_details: bool = False,
) -> RenderableType:
    """The estimates of a run: published statistics first, then a line, or with details a table, for each other part."""
    published = [estimate for estimate in estimates if estimate.printed]
    others = [estimate for estimate in estimates if not estimate.printed]
    trials = trials_in_words(scenario, estimates)
    departures = differences_from_published(scenario)
    varies = scenario.parameters.use == "calibrated"
    parts: list[RenderableType] = [
        Paragraph(f"\n{scenario.title}", "bold"),
        Paragraph(f"{n_replicates:,} simulated {trials}, seed {seed}\n"),
    ]
    if departures:
        parts.append(_departures(departures))
    if published:
        parts += [_table("Published against simulated", published), _verdict(scenario, published, departures), Text()]
    else:
        parts.append(_table("Simulated", others if has_details else _informative(others)))
    if has_details:
        parts += _all_tables(estimates, others if published else [], interpretations, varies)
        parts.append(Paragraph(_note(trials, bool(published), varies)))
    else:
        parts += _lines(estimates, others if published else [], interpretations, varies)
        parts.append(Paragraph(_short_note(bool(published), varies)))
    return Group(*parts)


def trials_in_words(scenario: Scenario, estimates: Sequence[Estimate]) -> str:
    """`trials of 27 patients`, or `trials of up to 40 patients` where some end with fewer."""
    n = scenario.accrual.patients
    enrolled = next(item for item in estimates if item.statistic == "enrolled")
    return f"trials of {n} patients" if enrolled.value == n else f"trials of up to {n} patients"


def _departures(departures: Sequence[Difference]) -> RenderableType:
    lines = [
        f"  {item.key}: {item.here or 'nothing'} (published: {item.there or 'nothing'})"
        for item in departures[:_MOST_DIFFERENCES]
    ]
    if len(departures) > _MOST_DIFFERENCES:
        lines.append(f"  and {len(departures) - _MOST_DIFFERENCES} more")
    return Group(Paragraph("Not the published trial:", "bold"), Paragraph("\n".join(lines) + "\n"))


def _informative(estimates: Sequence[Estimate]) -> list[Estimate]:
    """The estimates of what differs between trials; a quantity that never varies says nothing of its own."""
    return [
        item
        for item in estimates
        if not (item.mcse == 0.0 or (item.lower == item.upper and item.n_defined >= FEWEST_FOR_A_RANGE))
    ]


def _all_tables(
    estimates: Sequence[Estimate],
    others: Sequence[Estimate],
    interpretations: Sequence[OtherInterpretation],
    varies: bool,
) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if interpretations:
        parts.append(_interpretations_table(interpretations))
        parts += [Paragraph(f"{text}\n") for text in _outside_interpretations(interpretations)]
    if others:
        parts.append(_table("Also measured", others))
    if varies:
        scatter = _scatter_table(estimates)
        few = Paragraph("Too few trials to separate sampling variability from parameter uncertainty; 400 are enough.\n")
        parts.append(scatter if scatter.rows else few)
    return parts


def _lines(
    estimates: Sequence[Estimate],
    others: Sequence[Estimate],
    interpretations: Sequence[OtherInterpretation],
    varies: bool,
) -> list[RenderableType]:
    """A line for each part that has a table of its own with details."""
    lines = []
    if interpretations:
        outside = _outside_interpretations(interpretations) or ["every statistic inside the 95 % range"]
        lines.append(f"Other interpretations of the publication ({len(interpretations)}): {outside[0]}.")
    measured = [item for item in _informative(others) if not item.unit][:_MAX_IN_LINE]
    if measured:
        told = [
            f"{statistic_title(item.statistic, item.unit)} {labels.with_error(item.value, item.mcse, '')}"
            for item in measured
        ]
        lines.append(f"Also measured: {', '.join(told)}.")
    scatter = _largest_scatter(estimates) if varies else ""
    lines += [scatter] if scatter else []
    return [Paragraph("\n".join(lines))] if lines else []


def _largest_scatter(estimates: Sequence[Estimate]) -> str:
    """The share of parameter uncertainty in the variance between trials, over the proportions."""
    shares = [
        (item.sd_parameters**2 / (item.sd_parameters**2 + item.sd_sampling**2), statistic_label(item.statistic))
        for item in estimates
        if not item.unit and item.sd_sampling > 0.0 and item.sd_parameters > 0.0
    ]
    if not shares:
        return ""
    (least, of_least), (most, of_most) = min(shares), max(shares)
    return (
        f"Share of parameter uncertainty in the variance between trials: {100 * least:.0f} % for {of_least} to "
        f"{100 * most:.0f} % for {of_most}; the rest is sampling variability."
    )


def _table(title: str, estimates: Sequence[Estimate]) -> DataTable:
    """One row per estimate, with the published statistic and its percentile where there is one."""
    has_published = any(estimate.printed for estimate in estimates)
    names = (
        ("statistic", "published", "simulated", "95 % range", "mid-p")
        if has_published
        else ("quantity", "simulated", "95 % range")
    )
    table = DataTable(title, names)
    for item in estimates:
        simulated = labels.with_error(item.value, item.mcse, item.unit)
        cells = [statistic_title(item.statistic, item.unit), simulated, _range(item)]
        if has_published:
            cells = [cells[0], item.printed, *cells[1:], labels.percentile(item.percentile)]
        table.add(*cells)
    return table


def _scatter_table(estimates: Sequence[Estimate]) -> DataTable:
    """The variance components: one row per estimate that varies between trials."""
    title = "Variance components: standard deviations between trials"
    table = DataTable(title, ("statistic", "sampling variability", "parameter uncertainty"))
    for item in estimates:
        if item.sd_sampling > 0.0 or item.sd_parameters > 0.0:
            sampling = labels.with_error(item.sd_sampling, item.sd_sampling_mcse, item.unit)
            parameters = labels.with_error(item.sd_parameters, item.sd_parameters_mcse, item.unit)
            table.add(statistic_title(item.statistic, item.unit), sampling, parameters)
    return table


def _range(item: Estimate) -> str:
    if item.n_defined < FEWEST_FOR_A_RANGE:
        return labels.NOTHING
    return labels.interval(item.lower, item.upper, item.unit)


def _interpretations_table(interpretations: Sequence[OtherInterpretation]) -> DataTable:
    """The statistics that another interpretation of the publication would compare with the same trials."""
    title = "The same trials under other interpretations of the publication"
    table = DataTable(title, ("statistic: interpretation", "published", "simulated", "mid-p"))
    for item in interpretations:
        estimate = item.estimate
        what = f"{statistic_label(estimate.quantity)}: {item.interpretation}"
        simulated = labels.with_error(estimate.value, estimate.mcse, estimate.unit)
        table.add(what, estimate.printed, simulated, labels.percentile(estimate.percentile))
    return table


def _outside_interpretations(interpretations: Sequence[OtherInterpretation]) -> list[str]:
    outside = [
        f"{statistic_label(item.estimate.quantity)}: {item.interpretation}"
        for item in interpretations
        if item.estimate.is_inside is False and item.estimate.n_defined >= FEWEST_FOR_A_RANGE
    ]
    return [f"outside the 95 % range under {'; '.join(outside)}"] if outside else []


def _verdict(scenario: Scenario, published: Sequence[Estimate], departures: Sequence[Difference]) -> Paragraph:
    """Which statistics lie outside, and what that says and does not say."""
    known = [item for item in published if item.n_defined >= FEWEST_FOR_A_RANGE]
    outside = [statistic_title(item.statistic, item.unit) for item in known if item.is_inside is False]
    undefined = [statistic_title(item.statistic, item.unit) for item in published if item.n_defined == 0]
    varies = scenario.parameters.use == "calibrated"
    lines = []
    if not known:
        lines.append(f"Too few trials for a range: it needs {FEWEST_FOR_A_RANGE}.")
    elif outside:
        lines.append(f"Outside the 95 % range: {', '.join(outside)}.")
    else:
        lines.append("Every published statistic that exists here lies inside the 95 % range." if undefined else
                     "Every published statistic lies inside the 95 % range.")  # fmt: skip
    not_inner = [statistic_title(item.statistic, item.unit) for item in known if item.is_inside_80 is False]
    if varies and known and not not_inner:
        lines[-1] = "Every published statistic lies inside the 80 % predictive interval."
    elif varies and not_inner and not outside:
        lines.append(f"Outside the 80 % predictive interval: {', '.join(not_inner)}.")
    if undefined:
        lines.append(f"Does not exist in these trials: {', '.join(undefined)}.")
    if departures:
        lines.append("This trial differs from the published one, so its statistics need not agree.")
    elif is_calibrated_to_its_cohort(scenario):
        lines.append("The parameters were calibrated to these statistics: this shows the fit, no more.")
    return Paragraph("\n".join(lines), "bold" if outside and not departures else "")


def _short_note(has_published: bool, varies: bool) -> str:
    """What the columns are, in a sentence each."""
    of = "with sampling variability and parameter uncertainty" if varies else "at fixed parameters"
    percentile = " `mid-p`: the share of trials below the published statistic." if has_published else ""
    return (
        f"± is the Monte Carlo standard error. 95 % range: where 95 % of single trials fall, {of}.{percentile} Every "
        "table and note: --details."
    )


def _note(trials: str, has_published: bool, varies: bool) -> str:
    text = (
        "± is the Monte Carlo standard error, which more replicates shrink. 95 % range: where 95 % of single "
        f"{trials} fall; this is sampling variability "
    )
    text += (
        "(between trials of this size at fixed parameters) and parameter uncertainty together."
        if varies
        else "at fixed parameters, without parameter uncertainty."
    )
    if has_published:
        text += (
            " `mid-p` is the share of trials below the published statistic, with half of those equal to it (for a "
            "median: that round to it)."
        )
    return text + "\n"
