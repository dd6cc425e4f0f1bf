"""The patients of one replicate: arrival on the calendar, site, eligibility, baseline, hazard multipliers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trialsim.model import accrual, baseline
from trialsim.model.draws import decision_code
from trialsim.model.protocol import Clock, Covariate, Effects, Protocol
from trialsim.patients.draw_table import DrawTable

ARRIVAL: Final = decision_code("arrival")
ELIGIBILITY: Final = decision_code("eligibility")
SITE: Final = decision_code("site")
SENSITIVITY: Final = decision_code("sensitivity")


@dataclass(frozen=True)
class VirtualPatient:
    """One screened person. `arrival_day` is a calendar day (days since opening), `site` a position or -1.

    `multipliers` holds one factor per clock: exp(effects · baseline) × frailty. `baseline` holds one number per
    covariate, in its own unit (a share between 0 and 1 for per cent), or a category's position.
    """

    number: int
    arrival_day: float
    site: int
    is_eligible: bool
    is_sensitive: bool
    baseline: tuple[float, ...]
    multipliers: tuple[float, ...]


def virtual_patients(protocol: Protocol, table: DrawTable) -> list[VirtualPatient]:
    """Everyone who is screened in one replicate, in order of arrival.

    A patient's number is part of the address of every draw, so one more patient changes no other.
    """
    arrivals = _window_arrivals(protocol, table) if protocol.accrual.window_days > 0.0 else _poisson(protocol, table)
    patients = [_patient(protocol, table, number, day) for number, day in arrivals]
    return sorted(patients, key=lambda patient: (patient.arrival_day, patient.number))


def _window_arrivals(protocol: Protocol, table: DrawTable) -> Iterator[tuple[int, float]]:
    """Exactly n patients, uniformly over the window."""
    for number in range(1, protocol.accrual.n_patients + 1):
        yield number, accrual.arrival_in_window(table.uniform(number, ARRIVAL), protocol.accrual.window_days)


def _poisson(protocol: Protocol, table: DrawTable) -> Iterator[tuple[int, float]]:
    """A Poisson process until enough are enrolled, or until accrual closes."""
    plan = protocol.accrual
    expected_count = 0.0
    number = n_enrolled = 0
    while n_enrolled < plan.n_patients:
        number += 1
        expected_count += table.threshold(number, ARRIVAL)
        day = accrual.arrival_at_expected_count(expected_count, plan.starts, plan.rates)
        if not day < plan.closes_day:
            return
        yield number, day
        n_enrolled += _is_eligible(protocol, table, number)


def _is_eligible(protocol: Protocol, table: DrawTable, number: int) -> bool:
    p_ineligible = protocol.accrual.p_ineligible
    return p_ineligible == 0.0 or table.uniform(number, ELIGIBILITY) >= p_ineligible


def _site(protocol: Protocol, table: DrawTable, number: int, day: float) -> int:
    plan = protocol.accrual
    if not plan.site_names:
        return -1
    shares = plan.site_shares[accrual.interval_at(day, plan.starts)]
    return baseline.category_index(table.uniform(number, SITE), shares)


def _patient(protocol: Protocol, table: DrawTable, number: int, day: float) -> VirtualPatient:
    uniforms = [table.uniform(number, covariate.code) for covariate in protocol.covariates]
    values = tuple(
        _baseline_value(covariate, covariate_uniform(covariate, uniform, uniforms))
        for covariate, uniform in zip(protocol.covariates, uniforms, strict=True)
    )
    frailties = tuple(
        baseline.frailty_value(table.uniform(number, frailty.code), frailty.sd_log, frailty.p_long_term)
        for frailty in protocol.frailties
    )
    return VirtualPatient(
        number=number,
        arrival_day=day,
        site=_site(protocol, table, number, day),
        is_eligible=_is_eligible(protocol, table, number),
        is_sensitive=is_sensitive(protocol, table.uniform(number, SENSITIVITY), values),
        baseline=values,
        multipliers=tuple(multiplier(clock, values, frailties) for clock in protocol.clocks),
    )


def covariate_uniform(covariate: Covariate, uniform: float, uniforms: Sequence[float]) -> float:
    """The number that gives a covariate's value: its own, or by its correlated score from those of all covariates."""
    if not covariate.scores:
        return uniform
    score = 0.0
    for i, weight in covariate.scores:
        score += baseline.weighted_score(weight, uniforms[i])
    return baseline.uniform_of_score(score)


def _baseline_value(covariate: Covariate, uniform: float) -> float:
    if covariate.categories:
        return float(baseline.category_index(uniform, covariate.cumulative_shares))
    return baseline.continuous_value(
        uniform,
        covariate.distribution,
        covariate.location,
        covariate.spread,
        covariate.lowest_share,
        covariate.highest_share,
    )


def is_sensitive(protocol: Protocol, uniform: float, values: Sequence[float]) -> bool:
    """Whether a patient with these baseline values can respond, given the uniform number of this decision."""
    effects = protocol.sensitivity_effects
    return baseline.is_sensitive(uniform, protocol.p_sensitive, _log_ratio(effects, values), bool(effects))


def multiplier(clock: Clock, values: tuple[float, ...], frailties: tuple[float, ...]) -> float:
    """exp(effects · baseline) × frailty for one patient and one clock."""
    frailty = frailties[clock.frailty] if clock.frailty >= 0 else 1.0
    return baseline.multiplier(_log_ratio(clock.effects, values), bool(clock.effects), frailty)


def _log_ratio(effects: Effects, values: Sequence[float]) -> float:
    """The sum of effects of baseline values, in the order of the file."""
    log_ratio = 0.0
    for covariate, category, reference, weight in effects:
        log_ratio += baseline.effect(values[covariate], category, reference, weight)
    return log_ratio
