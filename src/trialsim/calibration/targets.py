"""The targets of a calibration: published statistics as terms of a likelihood, over cells of the simulated trial.

    Share       k of n, binomial                                  toxicities, evaluability, …
    Categories  counts that exclude each other, multinomial       responses of the evaluable, fates of the responders
    Median      a sample median within its rounding               doses, follow-up
    LadderMedian  the same of an even number on a ladder          the highest dose
    Mean        a sample mean within its rounding                 doses, time on treatment
    Curve       figures of a Kaplan-Meier curve                   medians of survival, landmarks

What is measured in patients by an expression becomes a term in `patient_terms`, all else here.

A cell is a number that the simulator gives: the share of patients in a category, the share below a value, a point of a
curve or its variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from trialsim.calibration.patient_cells import CurveCell, MomentCell, PatientCell
from trialsim.calibration.response_counts import CountsError, categories_in, parts_of, states_of
from trialsim.config import Scenario, protocol_of
from trialsim.config.schema.published_statistic import PublishedStatistic, RoundedValue
from trialsim.config.source.problems import Finding, problem_at
from trialsim.config.source.yaml import Places
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.endpoints.registry import TOXICITY, statistics_of
from trialsim.endpoints.responses import ANY_RESPONSE
from trialsim.errors import ConfigurationError
from trialsim.model.disease import STATISTIC_PREFIX
from trialsim.model.protocol import Protocol
from trialsim.records.columns import TOXICITY_PREFIX, count_column

ENROLLED: Final = Population.ENROLLED.column
EVALUABLE: Final = Population.EVALUABLE.column
RESPONDERS: Final = Population.RESPONDERS.column
N_FATES: Final = 3  # of responders: progression-free, relapsed, died; together all of them
NOT_EVALUABLE: Final = "not evaluable"  # of the enrolled, the others
LANDMARK: Final = "landmark"
CURVE_MEDIAN: Final = "median"
BEYOND: Final = "beyond"  # a median that was not reached
PLANNED: Final = "planned"  # those who would have enrolled had the trial gone on
_HIGHEST_DOSE: Final = "highest_dose"  # the value of patients that is one of the rungs of the ladder
_ON_AN_EDGE: Final = 1e-9  # of the width of an interval


@dataclass(frozen=True)
class ShareCell:
    """The share of patients counted in `column` among those counted in `of` (columns of the replicates)."""

    column: str
    of: str


@dataclass(frozen=True)
class BelowCell:
    """The share of patients counted in `who` whose value, a field of `summary.ENROLLED`, lies below an edge."""

    field: str
    who: str
    edge: float


Cell = ShareCell | BelowCell | PatientCell
PublishedStatistics = Mapping[str, PublishedStatistic]
TrialStatistics = Mapping[str, TrialStatistic]


@dataclass(frozen=True)
class Share:
    """`k` of `n` patients in one category."""

    quantities: tuple[str, ...]
    cells: tuple[Cell, ...]
    k: int
    n: int


@dataclass(frozen=True)
class Categories:
    """`counts` of `n` patients in categories that exclude each other; the rest is in none of them."""

    quantities: tuple[str, ...]
    cells: tuple[Cell, ...]
    counts: tuple[int, ...]
    n: int


@dataclass(frozen=True)
class Median:
    """The median of `n` patients lies from the edge of the first cell to that of the second, `[low, high)`.

    Where it is known how many of them were evaluable (`n_evaluable`), there are four cells: the two edges for the
    evaluable, and the two for the others.
    """

    quantities: tuple[str, ...]
    cells: tuple[Cell, ...]
    n: int
    n_evaluable: int | None = None


@dataclass(frozen=True)
class LadderMedian:
    """The median of an even number `n` of patients, each at one of the rising `rungs`, lies in `[low, high)`.

    It is a rung or the mean of two. The cells are the shares below each rung but the first: of the evaluable and then
    of the others where it is known how many were evaluable (`n_evaluable`).
    """

    quantities: tuple[str, ...]
    cells: tuple[Cell, ...]
    rungs: tuple[float, ...]
    low: float
    high: float
    n: int
    n_evaluable: int | None = None

    def holds(self, median: float) -> bool:
        """Whether a median rounds to what was published; a mean that lies on an edge may be off by its last bits."""
        margin = _ON_AN_EDGE * (self.high - self.low)
        return self.low - margin <= median < self.high - margin


@dataclass(frozen=True)
class Mean:
    """The mean of `n` patients lies in `[low, high)`; the cells are the first two moments of the value."""

    quantities: tuple[str, ...]
    cells: tuple[MomentCell, ...]
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Point:
    """What one figure says of a Kaplan-Meier curve.

    A landmark: survival lies in `[low, high)`; a median: survival is above 1/2 at one day and not at a later one, or
    `beyond` a day. `share` is where the curve then is, for the figure that follows; missing where it is not told.
    """

    kind: str
    share: float
    low: float = 0.5
    high: float = 0.5


@dataclass(frozen=True)
class Curve:
    """Figures of one Kaplan-Meier curve of `n` patients in the order of their times.

    Each point has six cells: survival and variance at its first day, its last day, and the day that it is read at.
    """

    quantities: tuple[str, ...]
    cells: tuple[CurveCell, ...]
    points: tuple[Point, ...]
    n: int


Built = TypeVar("Built")


class TargetError(ConfigurationError):
    """Statistics that cannot be targets; the place of each of the `findings` is one in the cohort."""

    def __init__(self, findings: list[Finding], places: Places | None = None) -> None:
        self.findings = findings
        super().__init__([problem_at(places or {(): "cohort"}, *finding) for finding in findings])

    def at(self, places: Places) -> TargetError:
        """The same error, where it is known where each key of the cohort is from."""
        return TargetError(self.findings, places)


Term = Share | Categories | Median | LadderMedian | Mean | Curve


def terms_of(
    scenario: Scenario, published: PublishedStatistics, columns: tuple[str, ...], left_out: str = ""
) -> tuple[Term, ...]:
    """The terms for statistics of a trial, one for each, or for each group of them that exclude each other.

    `columns` are those of the scenario's replicates. The first term says that everyone had enrolled by the cut-off:
    that is why their number was published. `left_out` is a statistic that is not used: where others of its group would
    tell it (4 relapsed and 1 dead of 9 leave 4), they are taken among those that are not of its kind. Raises
    `TargetError` for all statistics that cannot be targets.
    """
    statistics = statistics_of(columns)
    published = {name: item for name, item in published.items() if item.trial_statistic(name) is not None}
    n_planned, protocol = scenario.accrual.patients, protocol_of(scenario)
    everyone = Share(("enrolled",), (ShareCell(ENROLLED, PLANNED),), n_planned, n_planned)
    n_evaluable = how_many_evaluable(published, n_planned, left_out)

    def term_of(group: tuple[str, ...]) -> Term:
        statistic, target = statistics[_name_of(group[0], published)], published[group[0]]
        median = target.rounded_median
        if median is not None:
            n = _how_many(group[0], published, statistics, n_planned)
            return _median(group[0], median, statistic, n, n_evaluable, protocol.levels)
        if len(group) == 1 and statistic.of not in (EVALUABLE, RESPONDERS):
            used = {name: item for name, item in published.items() if name != left_out}
            return _share(group[0], statistic, target, used, scenario)
        term = _categories(group, published, statistics, protocol)
        if left_out in group:
            remaining = tuple(quantity for quantity in group if quantity != left_out)
            term = _without(term, _categories(remaining, published, statistics, protocol))
        return term

    groups = [group for group in _groups(published, statistics) if group != (left_out,)]
    terms, findings = built(partial(term_of, group) for group in groups)
    if findings:
        raise TargetError(findings)
    return (everyone, *terms)


def _share(
    quantity: str, statistic: TrialStatistic, target: PublishedStatistic, used: PublishedStatistics, scenario: Scenario
) -> Share:
    """A share of patients; of a part of a toxicity, such as a higher grade, among those that have the whole of it."""
    container = _container(quantity, target, used, scenario)
    if container is not None:
        cell = ShareCell(statistic.column, f"{TOXICITY_PREFIX}{_toxicity_of(container, used)}")
        return Share((quantity,), (cell,), target.count or 0, used[container].count or 0)
    return Share(
        (quantity,), (ShareCell(statistic.column, statistic.of or ENROLLED),), target.count or 0, target.of or 1
    )


def _container(quantity: str, target: PublishedStatistic, used: PublishedStatistics, scenario: Scenario) -> str | None:
    """The smallest other statistic of the same patients that counts everyone whom this one counts."""
    event = scenario.toxicities.get(_toxicity_of(quantity, {quantity: target}))
    if event is None or event.part_of is None:
        return None
    whole = event.part_of
    found: dict[str, int] = {}
    for name, item in used.items():
        other = _toxicity_of(name, used)
        is_related = other == whole or (other in scenario.toxicities and scenario.toxicities[other].part_of == whole)
        count, smallest = item.count or 0, target.count or 0
        holds_it = count > smallest or (other == whole and count == smallest)
        if name != quantity and is_related and holds_it and item.of == target.of:
            found[name] = count
    return min(found, key=lambda name: found[name]) if found else None


def _toxicity_of(quantity: str, published: PublishedStatistics) -> str:
    """The toxicity that a statistic counts; empty for another statistic."""
    name = _name_of(quantity, published)
    return name.removeprefix(TOXICITY) if name.startswith(TOXICITY) else ""


def _without(term: Categories, rest: Categories) -> Categories:
    """What is left of a group when one statistic is not used: the others, or less where they would tell it.

    Others tell a fate when they are the two other ones (4 relapsed and 1 dead of 9 leave 4): then they are taken among
    themselves. Any response beside one kind tells the other kind: then only any response is used.
    """
    counts = {cell: count for cell, count in zip(rest.cells, rest.counts, strict=True) if isinstance(cell, ShareCell)}
    if set(rest.cells) == set(term.cells):
        of = next(cell.of for cell in counts)
        return Categories(rest.quantities, (ShareCell(RESPONDERS, of),), (sum(rest.counts),), term.n)
    if len(term.cells) < N_FATES:
        return rest
    others = " + ".join(cell.column for cell in counts)
    cells = tuple(ShareCell(cell.column, others) for cell in counts)
    return Categories(rest.quantities, cells, tuple(counts.values()), sum(counts.values()))


def _name_of(quantity: str, published: PublishedStatistics) -> str:
    return published[quantity].endpoint or quantity


def _groups(published: PublishedStatistics, statistics: TrialStatistics) -> Iterator[tuple[str, ...]]:
    """Statistics that belong to one term: the responses of the evaluable, the fates of the responders, others alone."""
    grouped: set[str] = set()
    for quantity, target in published.items():
        of = statistics[_name_of(quantity, published)].of
        if quantity in grouped:
            continue
        if target.kind == "median" or of not in (EVALUABLE, RESPONDERS):
            group: tuple[str, ...] = (quantity,)
        else:
            same_population = [other for other in published if statistics[_name_of(other, published)].of == of]
            group = tuple(other for other in same_population if published[other].kind != "median")
        grouped |= set(group)
        yield group


def _categories(
    group: tuple[str, ...], published: PublishedStatistics, statistics: TrialStatistics, protocol: Protocol
) -> Categories:
    """Counts that exclude each other; any response beside partial ones leaves the minor ones."""
    sizes = {published[quantity].of for quantity in group}
    place = group[0]
    if len(sizes) > 1:
        message = f"{', '.join(group)} are shares of different numbers of patients."
        raise refused(place, message, "the same `of` in each")
    n = sizes.pop() or 1
    counts = {statistics[_name_of(quantity, published)].column: published[quantity].count or 0 for quantity in group}
    if RESPONDERS in counts and len(counts) > 1:
        counts = _responses(place, counts, protocol)
    if sum(counts.values()) > n or min(counts.values()) < 0:
        raise refused(place, f"{', '.join(group)} are together more than {n}.", f"at most {n} in all")
    of = statistics[_name_of(group[0], published)].of
    return Categories(group, tuple(ShareCell(column, of) for column in counts), tuple(counts.values()), n)


def _responses(place: str, counts: Mapping[str, int], protocol: Protocol) -> dict[str, int]:
    """Counts of categories and of any response, as counts of columns that exclude each other; the narrow ones first."""
    of_column = {count_column(item): states_of(protocol)[item.name] for item in protocol.responses}
    of_column[RESPONDERS] = states_of(protocol)[ANY_RESPONSE]
    sets = [of_column[column] for column in counts]
    try:
        parts = parts_of(sets, list(counts.values()))
    except CountsError as error:
        raise refused(place, f"the counts of responses: {error}.", "counts that do") from None
    found = {
        " + ".join(map(count_column, categories_in(part.states, protocol.responses))): part.count for part in parts
    }
    return dict(
        sorted(found.items(), key=lambda item: list(counts).index(item[0]) if item[0] in counts else len(counts))
    )


def _median(
    quantity: str,
    median: RoundedValue,
    statistic: TrialStatistic,
    n: int,
    n_evaluable: int | None,
    rungs: tuple[float, ...],
) -> Median | LadderMedian:
    """A median; of all the enrolled, given how many of them were evaluable where that is known."""
    half = median.rounded_to / 2.0
    field, counted = statistic.median_of, _counted(statistic)
    low, high = ((median.value + side * half) / statistic.scale for side in (-1.0, 1.0))
    is_split = counted == ENROLLED and n_evaluable is not None
    groups, known = (EVALUABLE, NOT_EVALUABLE) if is_split else (counted,), n_evaluable if is_split else None
    is_on_ladder = field == _HIGHEST_DOSE and n % 2 == 0
    cells = tuple(
        BelowCell(field, group, edge) for group in groups for edge in (rungs[1:] if is_on_ladder else (low, high))
    )
    if is_on_ladder:
        return LadderMedian((quantity,), cells, rungs, low, high, n, known)
    return Median((quantity,), cells, n, known)


def how_many_evaluable(published: PublishedStatistics, n_planned: int, left_out: str = "") -> int | None:
    """How many of all the enrolled were evaluable, if a statistic that is used says so."""
    statistic = published.get("evaluable") if left_out != "evaluable" else None
    return statistic.count if statistic is not None and statistic.of == n_planned else None


def _how_many(quantity: str, published: PublishedStatistics, statistics: TrialStatistics, n_planned: int) -> int:
    """Of how many patients a median was taken: all, the evaluable, or the responders, as other statistics tell."""
    population, written = statistics[_name_of(quantity, published)].population, published[quantity].of
    if written is not None:
        return written
    if population is Population.ENROLLED:
        return n_planned
    shares = {name: item for name, item in published.items() if item.kind == "proportion"}
    same_population = [name for name in shares if statistics[_name_of(name, published)].population is population]
    number = shares[same_population[0]].of if same_population else None
    if not number and population is Population.EVALUABLE:
        number = published["evaluable"].count if "evaluable" in published else None
    elif not number:
        number = _sum_of_responses(published)
    if not number:
        raise refused(quantity, "no statistic says of how many patients this is the median.", "`of`, that number")
    return number


def _counted(statistic: TrialStatistic) -> str:
    """The column that counts the patients over whom a median is taken."""
    return (statistic.population or Population.ENROLLED).column


def _sum_of_responses(published: PublishedStatistics) -> int:
    counts = {name: item.count or 0 for name, item in published.items() if name.startswith(STATISTIC_PREFIX)}
    any_response = f"{STATISTIC_PREFIX}any"
    return counts[any_response] if any_response in counts else sum(counts.values())


def refused(quantity: str, wrong: str, allowed: str) -> TargetError:
    """The error for a statistic that cannot be a target."""
    return TargetError([(("statistics", quantity), "", wrong, allowed, "")])


def built(parts: Iterable[Callable[[], Built]]) -> tuple[list[Built], list[Finding]]:
    """What could be built, and what is wrong with the rest: every part is built before any complaint."""
    items: list[Built] = []
    findings: list[Finding] = []
    for part in parts:
        try:
            items.append(part())
        except TargetError as error:
            findings += error.findings
    return items, findings
