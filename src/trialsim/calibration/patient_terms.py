"""Terms of the likelihood for published statistics that are measured in patients.

Shares of the same patients that contain one another (a dose of at least 400, of at least 600; a response by week 3, by
week 5; partial responses and any) are one multinomial term over what lies between them, so that nobody is counted
twice. Kaplan-Meier figures of one curve are one term, in the order of their times, each given the one before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from trialsim.calibration.patient_cells import ConditionCell, MomentCell, curve_cells
from trialsim.calibration.response_counts import CountsError, Part, States, not_telling, parts_of, states_of
from trialsim.calibration.targets import (
    BEYOND,
    CURVE_MEDIAN,
    LANDMARK,
    Categories,
    Curve,
    LadderMedian,
    Mean,
    Median,
    Point,
    Share,
    TargetError,
    Term,
    built,
    refused,
)
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.endpoints.published import (
    MEAN,
    MEDIAN,
    NOT_REACHED,
    SHARE,
    SURVIVAL,
    PatientStatistic,
    endpoint_of_statistic,
    statistic_of_patients,
)
from trialsim.model.protocol import Protocol

_HIGHEST_DOSE = "highest dose"  # the endpoint that is one of the rungs of the ladder
_FINEST = 0.1  # of a median: no published cohort knows one better, and few simulated patients lie in less


@dataclass(frozen=True)
class _Target:
    """A published statistic beside how it is measured, and of how many patients it is."""

    quantity: str
    published: PublishedStatistic
    measured: PatientStatistic
    n: int
    endpoint: str
    states: States | None  # that a share of responses counts


def patient_terms(
    published: Mapping[str, PublishedStatistic],
    protocol: Protocol,
    n_evaluable: int | None = None,
    left_out: str = "",
) -> list[Term]:
    """The terms for the statistics that are measured in patients, without the one that is `left_out`.

    `n_evaluable` of all the enrolled were evaluable, if that is known. Raises `TargetError` for all statistics that
    cannot be targets.
    """
    of_patients = [(name, item) for name, item in published.items() if item.trial_statistic(name) is None]
    targets, findings = built(partial(_target, *each, protocol) for each in of_patients)
    groups: dict[tuple[object, ...], list[_Target]] = {}
    for target in targets:
        groups.setdefault(_group(target), []).append(target)
    used = [group for group in groups.values() if [target.quantity for target in group] != [left_out]]
    terms, more = built(partial(_term_of_group, group, left_out, n_evaluable, protocol) for group in used)
    if findings or more:
        raise TargetError([*findings, *more])
    return terms


def _term_of_group(group: Sequence[_Target], left_out: str, n_evaluable: int | None, protocol: Protocol) -> Term:
    """The term of some targets, without the one that is left out."""
    kind = group[0].measured.kind
    remaining = [target for target in group if target.quantity != left_out]
    if kind == SHARE:
        return _shares(remaining, [target for target in group if target.quantity == left_out])
    if kind == MEDIAN:
        return _median(remaining[0], n_evaluable, protocol)
    return _mean(remaining[0]) if kind == MEAN else _curve(remaining)


def _target(quantity: str, published: PublishedStatistic, protocol: Protocol) -> _Target:
    measured = statistic_of_patients(quantity, published, protocol)
    n = published.of
    if n is None and measured.is_of_everyone:
        n = protocol.accrual.n_patients
    if n is None:
        wrong = f"of how many patients is this {published.kind}?"
        raise refused(quantity, wrong, "`of`, their number")
    endpoint = endpoint_of_statistic(quantity, published, protocol).name
    return _Target(quantity, published, measured, n, endpoint, states_of(protocol).get(endpoint))


def _group(target: _Target) -> tuple[object, ...]:
    """What targets of one term have in common."""
    measured, published = target.measured, target.published
    if measured.kind in (MEDIAN, MEAN):
        return (target.quantity,)
    if measured.kind != SHARE:
        return ("curve", measured.value, measured.event, measured.among, target.n)
    if published.by is not None:
        return ("by", target.endpoint, measured.among, target.n)
    if published.at_least is not None:
        return ("at least", target.endpoint, measured.among, target.n)
    if target.states is not None:
        return ("response", measured.among, target.n)
    return (target.quantity,)


def _shares(targets: Sequence[_Target], left_out: Sequence[_Target]) -> Term:
    """Shares of the same patients, the widest first, as what lies between one and the next."""
    if _group(targets[0])[0] == "response":
        return _responses(targets, left_out)
    quantities = tuple(target.quantity for target in targets)
    chain = [(target.measured.value, target.published.n_counted) for target in sorted(targets, key=_narrowness)]
    among, n = targets[0].measured.among, targets[0].n
    counts = [count for _, count in chain]
    if any(wide < narrow for wide, narrow in pairwise(counts)):
        wrong = f"{', '.join(quantities)}: the wider of two has fewer patients."
        raise refused(quantities[0], wrong, "counts that fall from the widest to the narrowest")
    cells = [ConditionCell(f"({wide}) and not ({narrow})", among) for (wide, _), (narrow, _) in pairwise(chain)]
    cells.append(ConditionCell(chain[-1][0], among))
    between = [wide - narrow for wide, narrow in pairwise(counts)]
    return _term(quantities, cells, (*between, counts[-1]), n)


def _term(quantities: tuple[str, ...], cells: Sequence[ConditionCell], counts: Sequence[int], n: int) -> Term:
    if len(cells) == 1:
        return Share(quantities, tuple(cells), counts[0], n)
    return Categories(quantities, tuple(cells), tuple(counts), n)


def _narrowness(target: _Target) -> float:
    """What orders targets of one group from the widest to the narrowest."""
    published = target.published
    return -published.by.value if published.by is not None else published.at_least.value if published.at_least else 0.0


def _responses(targets: Sequence[_Target], left_out: Sequence[_Target]) -> Term:
    """Responses of the same patients as parts that exclude each other; not what would tell one left out."""
    sets = {target.quantity: target.states for target in targets if target.states is not None}
    kept = [name for item in left_out if item.states is not None for name in not_telling(item.states, sets)]
    used = [target for target in targets if not left_out or target.quantity in kept]
    quantities = tuple(target.quantity for target in targets)
    values = [target.measured.value for target in used]
    try:
        parts = parts_of([sets[target.quantity] for target in used], [item.published.n_counted for item in used])
    except CountsError as error:
        wrong = f"{', '.join(quantities)}: {error}."
        raise refused(quantities[0], wrong, "counts of responses that follow from one another") from None
    n, n_in_all = targets[0].n, np.sum([part.count for part in parts])
    if n_in_all > n:
        wrong = f"{', '.join(quantities)} are together {n_in_all}, more than {n}."
        raise refused(quantities[0], wrong, f"at most {n} in all")
    cells = []
    for part in parts:
        others = [values[i] for i in range(len(used)) if i not in part.inside and _overlap(used, i, part)]
        inside = [f"({values[i]})" for i in part.inside]
        outside = [f"not ({value})" for value in others]
        cells.append(ConditionCell(" and ".join([*inside, *outside]), targets[0].measured.among))
    return _term(quantities, cells, [part.count for part in parts], n)


def _overlap(targets: Sequence[_Target], i: int, part: Part) -> bool:
    """Whether patients of a target could be in every set that a part lies in, so that the part must leave them out."""
    states = targets[i].states
    return states is not None and all(bool(states & (targets[j].states or frozenset())) for j in part.inside)


def _median(target: _Target, n_evaluable: int | None, protocol: Protocol) -> Median | LadderMedian:
    """A median of what is known of everyone; of all the enrolled, given how many were evaluable if that is known."""
    measured, is_on_ladder = target.measured, target.endpoint == _HIGHEST_DOSE and target.n % 2 == 0
    is_split = measured.is_of_everyone and n_evaluable is not None and target.n == protocol.accrual.n_patients
    known = f"({measured.among}) and not missing({measured.value})"
    groups = [f"{known} and is_evaluable", f"{known} and not is_evaluable"] if is_split else [known]
    edges = protocol.levels[1:] if is_on_ladder else _edges(target, _FINEST)
    cells = tuple(ConditionCell(f"({measured.value}) < {edge!r}", group) for group in groups for edge in edges)
    n_split = n_evaluable if is_split else None
    if is_on_ladder:
        return LadderMedian((target.quantity,), cells, protocol.levels, *_edges(target), target.n, n_split)
    return Median((target.quantity,), cells, target.n, n_split)


def _mean(target: _Target) -> Mean:
    measured = target.measured
    low, high = _edges(target)
    cells = tuple(MomentCell(measured.value, measured.among, power) for power in (1, 2))
    return Mean((target.quantity,), cells, low, high, target.n)


def _edges(target: _Target, finest: float = 0.0) -> tuple[float, float]:
    """What a value that is rounded may be, `[low, high)`, in the unit in which it is measured.

    It is taken as rounded to no finer than a share `finest` of itself.
    """
    rounded = target.published.rounded
    if rounded is None:
        raise ValueError(f"{target.quantity} has no value")
    half = max(rounded.rounded_to, finest * rounded.value) / 2.0
    return (rounded.value - half) * target.measured.factor, (rounded.value + half) * target.measured.factor


def _curve(targets: Sequence[_Target]) -> Curve:
    """Figures of one curve, in the order of the days that they are read at."""
    first = targets[0].measured
    ordered = sorted(((*_days_and_point(target), target.quantity) for target in targets), key=lambda item: item[0][2])
    cells = [cell for days, _, _ in ordered for cell in curve_cells(first.value, first.event, first.among, days)]
    points = tuple(point for _, point, _ in ordered)
    return Curve(tuple(quantity for *_, quantity in ordered), tuple(cells), points, targets[0].n)


def _days_and_point(target: _Target) -> tuple[tuple[float, float, float], Point]:
    """The days of a figure's cells, and what it says there."""
    measured, rounded = target.measured, target.published.rounded
    if measured.kind == NOT_REACHED or rounded is None:
        return (measured.at,) * 3, Point(BEYOND, math.nan)
    if measured.kind == SURVIVAL:
        share = 1.0 - rounded.value if measured.is_incidence else rounded.value
        half = rounded.rounded_to / 2.0
        return (measured.at,) * 3, Point(LANDMARK, share, share - half, share + half)
    first, last = _edges(target, _FINEST)
    return (max(first, 0.0), last, rounded.value * measured.factor), Point(CURVE_MEDIAN, 0.5)
