"""The patients of one replicate: arrival on the calendar, site, eligibility, baseline, hazard multipliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trialsim.model import accrual, baseline
from trialsim.model.draws import decision_code
from trialsim.model.protocol import Clock, Covariate, Protocol
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
    values = tuple(_baseline_value(table, number, covariate) for covariate in protocol.covariates)
    frailties = tuple(
        baseline.frailty_value(table.uniform(number, frailty.code), frailty.sd_log, frailty.p_long_term)
        for frailty in protocol.frailties
    )
    return VirtualPatient(
        number=number,
        arrival_day=day,
        site=_site(protocol, table, number, day),
        is_eligible=_is_eligible(protocol, table, number),
        is_sensitive=table.uniform(number, SENSITIVITY) < protocol.p_sensitive,
        baseline=values,
        multipliers=tuple(multiplier(clock, values, frailties) for clock in protocol.clocks),
    )


def _baseline_value(table: DrawTable, number: int, covariate: Covariate) -> float:
    uniform = table.uniform(number, covariate.code)
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


def multiplier(clock: Clock, values: tuple[float, ...], frailties: tuple[float, ...]) -> float:
    """exp(effects · baseline) × frailty for one patient and one clock; the sum runs in the order of the file."""
    log_ratio = 0.0
    for covariate, category, reference, weight in clock.effects:
        log_ratio += baseline.effect(values[covariate], category, reference, weight)
    frailty = frailties[clock.frailty] if clock.frailty >= 0 else 1.0
    return baseline.multiplier(log_ratio, bool(clock.effects), frailty)
