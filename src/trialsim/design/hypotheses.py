"""The same trial under different truths: the null, the alternative, the posterior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from scipy.optimize import brentq

from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.errors import RequestError
from trialsim.model import disease
from trialsim.model import interim as c
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Clock, CutOff, Protocol
from trialsim.simulation.engine import BATCH
from trialsim.typing import Floats

SEED_OF_RATES: Final = 2_000_803  # rates are found with draws of their own: another seed of a study finds the same
PATIENTS_OF_RATES: Final = 200_000
PATIENTS_OF_SHARES: Final = 50_000
_PER_TRIAL: Final = 100


def with_follow_up(protocol: Protocol, n_patients: int, horizon_days: float) -> Protocol:
    """The protocol with room for `n_patients`, each followed for at least `horizon_days`; accrual as quick as before.

    The calendar of the design takes the place of the scenario's cut-off.
    """
    kept = [
        (name, tuple(place for place in places if place.what not in ("day", "latest_day")), i)
        for i, (name, places) in enumerate(zip(protocol.parameter_names, protocol.parameter_places, strict=True))
    ]
    kept = [item for item in kept if item[1]]
    return replace(
        protocol,
        accrual=protocol.accrual.with_patients(n_patients),
        cut_off=CutOff(v.CUT_AFTER_LAST_ENTRY, horizon_days),
        parameter_names=tuple(name for name, _, _ in kept),
        parameter_places=tuple(places for _, places, _ in kept),
        parameter_draws=tuple(tuple(row[i] for _, _, i in kept) for row in protocol.parameter_draws) if kept else (),
    )


def at_point_values(protocol: Protocol) -> Protocol:
    """The protocol at its point values (medians of the posterior, or fixed): nothing varies in it."""
    return replace(protocol, parameter_names=(), parameter_places=(), parameter_draws=())


def thin_draws(protocol: Protocol, most: int) -> Protocol:
    """The protocol with at most `most` of its draws, evenly spread over the table."""
    n = protocol.n_parameter_draws
    if n <= most:
        return protocol
    rows = np.linspace(0, n - 1, most).astype(np.int64)
    return replace(protocol, parameter_draws=tuple(protocol.parameter_draws[i] for i in rows))


def with_sensitive(protocol: Protocol, share: float) -> Protocol:
    """The protocol with another share of patients who can respond."""
    return replace(at_point_values(protocol), p_sensitive=share)


def with_hazard_ratio(protocol: Protocol, ratio: float, kind: int) -> Protocol:
    """The protocol with the hazards of the event multiplied: progression, relapse and death before it, or all deaths.

    Where rates vary, every draw of them is multiplied: a hazard is proportional to its rate, whatever its shape. With a
    frailty the ratio is that of two patients with the same frailty; over all patients it is nearer to 1. Raises
    `RequestError` for a rate that other clocks share.
    """
    of_event = [is_of_event(clock, kind) for clock in protocol.clocks]
    clocks = tuple(
        replace(clock, coefficient=clock.coefficient * ratio, rate_per_month=clock.rate_per_month * ratio)
        if is_event
        else clock
        for clock, is_event in zip(protocol.clocks, of_event, strict=True)
    )
    factors = []
    for name, places in zip(protocol.parameter_names, protocol.parameter_places, strict=True):
        are_rates = [
            place.what == "rate" and not place.of_resolution and place.clock >= 0 and of_event[place.clock]
            for place in places
        ]
        if any(are_rates) and not all(are_rates):
            wrong = "a hazard ratio cannot be given to it: it is not the rate of these events alone."
            raise RequestError(f"parameter {name}", wrong, "`alternative: modelled` with changes of the variant.")
        factors.append(ratio if any(are_rates) else 1.0)
    draws = tuple(tuple(x * f for x, f in zip(row, factors, strict=True)) for row in protocol.parameter_draws)
    return replace(protocol, clocks=clocks, parameter_draws=draws)


def is_of_event(clock: Clock, kind: int) -> bool:
    """Whether a clock causes the event: progression, relapse and death before it, or all deaths."""
    if kind == c.DEATH:
        return clock.kind == disease.DEATH
    if clock.kind == disease.DEATH:
        return bool(clock.states & disease.BEFORE_PROGRESSION)
    return clock.kind in (disease.PROGRESSION, disease.RELAPSE)


def rates_of(
    protocol: Protocol, outcomes: Sequence[c.Outcome], counts_not_evaluable: bool
) -> list[tuple[float, float]]:
    """The true rate of each outcome among those who count, with its Monte Carlo error; at the point values."""
    timelines = _many(at_point_values(protocol), outcomes, max(item.window_days for item in outcomes))
    is_there = timelines.number > 0
    who = is_there if counts_not_evaluable else is_there & timelines.is_evaluable
    total = max(float(who.sum()), 1.0)
    rates = [float((np.isfinite(timelines.event[:, :, k]) & who).sum()) / total for k in range(len(outcomes))]
    return [(rate, float(np.sqrt(rate * (1.0 - rate) / total))) for rate in rates]


def evaluable_shares(protocol: Protocol, outcomes: Sequence[c.Outcome], horizon_days: float) -> Floats:
    """The share who are evaluable in each of many trials of 100 patients; each has its own draw, if parameters vary."""
    timelines = _many(protocol, outcomes, horizon_days, PATIENTS_OF_SHARES)
    return np.asarray(timelines.is_evaluable.mean(axis=1))


def _many(
    protocol: Protocol,
    outcomes: Sequence[c.Outcome],
    horizon_days: float,
    patients: int | None = None,
    per_trial: int = _PER_TRIAL,
) -> Timelines:
    """Many patients of one arm, all followed for `horizon_days`, whenever they come."""
    followed = with_follow_up(protocol, per_trial, horizon_days)
    followed = replace(followed, accrual=replace(followed.accrual, closes_day=float("inf")))
    n_trials = (patients or PATIENTS_OF_RATES) // per_trial
    return simulated([BATCH], [followed], None, outcomes, SEED_OF_RATES, 1, n_trials)


def rate_of(protocol: Protocol, outcome: c.Outcome, counts_not_evaluable: bool) -> tuple[float, float]:
    """The true rate of one outcome, see `rates_of`."""
    return rates_of(protocol, [outcome], counts_not_evaluable)[0]


def with_rate(protocol: Protocol, outcome: c.Outcome, wanted: float, counts_not_evaluable: bool) -> Protocol:
    """The protocol whose share of sensitive patients gives a response rate. Raises `RequestError` if none does."""
    highest, _ = rate_of(with_sensitive(protocol, 1.0), outcome, counts_not_evaluable)
    if wanted > highest:
        wrong = (
            f"nobody can reach it: if every patient were sensitive, {highest:.3f} would respond within the window of "
            f"{outcome.window_days:g} days."
        )
        raise RequestError(f"a response rate of {wanted:g}", wrong, f"up to {highest:.3f}, or a longer window.")

    @cache  # its ends are needed twice: before the search of a root, and by it
    def excess(share: float) -> float:
        return rate_of(with_sensitive(protocol, share), outcome, counts_not_evaluable)[0] - wanted

    first = wanted / highest  # the rate is nearly proportional to the share
    low, high = 0.9 * first, min(1.0, 1.1 * first)
    if excess(low) > 0.0 or excess(high) < 0.0:
        low, high = 0.0, 1.0
    return with_sensitive(protocol, float(brentq(excess, low, high, xtol=2e-4)))


def with_raised_rate(
    protocol: Protocol, outcome: c.Outcome, wanted: float, counts_not_evaluable: bool
) -> tuple[Protocol, float]:
    """The protocol with a response rate, and the factor on the hazards of response that it takes.

    The factor is 1 where a share of sensitive patients gives the rate, as `with_rate` finds it. Where all of them are
    too few, patients respond sooner. Raises `RequestError` if nothing gives the rate.
    """
    everyone = with_sensitive(protocol, 1.0)
    if wanted <= rate_of(everyone, outcome, counts_not_evaluable)[0]:
        return with_rate(protocol, outcome, wanted, counts_not_evaluable), 1.0

    def changed(log_factor: float) -> Protocol:
        factor = float(np.exp(log_factor))
        clocks = tuple(
            replace(clock, coefficient=clock.coefficient * factor, rate_per_month=clock.rate_per_month * factor)
            if clock.kind == disease.RESPONSE
            else clock
            for clock in everyone.clocks
        )
        return replace(everyone, clocks=clocks)

    @cache  # its ends are needed twice: before the search of a root, and by it
    def excess(log_factor: float) -> float:
        return rate_of(changed(log_factor), outcome, counts_not_evaluable)[0] - wanted

    high = 4.0
    if excess(high) < 0.0:
        wrong = (
            f"nobody can reach it: with the soonest responses {excess(high) + wanted:.3f} respond within the window."
        )
        raise RequestError(
            f"a response rate of {wanted:g}", wrong, f"up to {excess(high) + wanted:.3f}, or a longer window."
        )
    log_factor = float(brentq(excess, 0.0, high, xtol=1e-3))
    return changed(log_factor), float(np.exp(log_factor))


def with_events_of(
    protocol: Protocol,
    outcome: c.Outcome,
    hazard: Callable[[Floats], Floats],
    follow_up_days: float,
    n: int,
    accrual_days: float,
) -> tuple[Protocol, float]:
    """The protocol in which as many events are seen as a reference expects, and the factor on its hazards that does it.

    `hazard` is the cumulative hazard of the reference by the days that patients were seen: up to `follow_up_days` after
    the last entry of a trial of `n`, whose accrual takes some `accrual_days`. Raises `RequestError` where no factor
    does it.
    """
    horizon_days = follow_up_days + 2.0 * accrual_days

    @cache  # its ends are needed twice: before the search of a root, and by it
    def excess(log_factor: float) -> float:
        scaled = with_hazard_ratio(at_point_values(protocol), float(np.exp(log_factor)), outcome.kind)
        timelines = _many(scaled, [outcome], horizon_days, per_trial=n)
        is_there = timelines.number > 0
        entry = np.where(is_there, timelines.arrival, -np.inf)
        seen = np.where(is_there, entry.max(axis=1, keepdims=True) - entry + follow_up_days, 0.0)
        event, until = timelines.event[:, :, 0], np.minimum(timelines.left, np.minimum(seen, horizon_days))
        expected = float(np.where(is_there, hazard(np.minimum(event, until)), 0.0).sum())
        return float((is_there & (event <= until)).sum()) / expected - 1.0

    low, high = -4.0, 4.0
    if excess(low) > 0.0 or excess(high) < 0.0:
        wrong = "no hazard of these events in this scenario has as many of them."
        raise RequestError("the reference", wrong, "a reference nearer to what the scenario has.")
    factor = float(np.exp(brentq(excess, low, high, xtol=1e-3)))
    return with_hazard_ratio(at_point_values(protocol), factor, outcome.kind), factor


def with_toxicity(
    protocol: Protocol, outcomes: Sequence[c.Outcome], wanted: float, counts_not_evaluable: bool
) -> Protocol:
    """The protocol in which the hazards of the toxicities of the last outcome are so that it has a rate.

    The rate is that among those who count for all the outcomes. Raises `RequestError` if no factor gives it.
    """
    toxic = outcomes[-1]

    def changed(log_factor: float) -> Protocol:
        factor = float(np.exp(log_factor))
        clocks = tuple(
            replace(clock, coefficient=clock.coefficient * factor) if clock.name in toxic.toxicities else clock
            for clock in protocol.clocks
        )
        return replace(at_point_values(protocol), clocks=clocks)

    @cache  # its ends are needed twice: before the search of a root, and by it
    def excess(log_factor: float) -> float:
        return rates_of(changed(log_factor), outcomes, counts_not_evaluable)[-1][0] - wanted

    low, high = -7.0, 7.0
    if excess(low) > 0.0 or excess(high) < 0.0:
        wrong = "no hazard of these toxicities gives it."
        raise RequestError(f"a toxicity rate of {wanted:g}", wrong, "a rate nearer to what the scenario has.")
    return changed(float(brentq(excess, low, high, xtol=1e-3)))


def check_reachable(what: str, rates: Sequence[float]) -> None:
    """Refuse an endpoint that nobody reaches, or everyone."""
    if max(rates) <= 0.0:
        raise RequestError(
            f"endpoint {what}", "nobody reaches it within its window.", "a longer window.", key="endpoint"
        )
    if min(rates) >= 1.0:
        raise RequestError(
            f"endpoint {what}", "everybody reaches it within its window.", "a shorter window.", key="endpoint"
        )
