"""Arms whose rates or medians a study gives as plain numbers: the scenario's own, changed until each arm has its own.

The scenario keeps its calendar, its visits and its drop-out. Only what leads to the endpoint is changed: the share of
sensitive patients for a response, and its hazards where all patients are too few; the hazards of the toxicities; or
those of progression and death.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from trialsim.design.draft import Draft, Protocols
from trialsim.design.hypotheses import at_point_values, with_events_of, with_raised_rate, with_toxicity
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.typing import Floats


def arms_with_rates(draft: Draft, rates: Sequence[float] | None = None) -> tuple[Protocols, str]:
    """The arms with their plain rates, and what was set for it, in words. Raises `RequestError` for one without.

    `rates` take the place of those of the study.
    """
    values = rates if rates is not None else [draft.study.rates[name].value for name in draft.names]
    arms_of_study = zip(draft.names, draft.protocols, values, strict=True)
    found = [_with_rate(draft, name, protocol, value) for name, protocol, value in arms_of_study]
    arms = tuple(arm for arm, _ in found)
    if draft.outcomes.primary[0].kind != c.RESPONSE:
        return arms, "hazards of the toxicities"
    raised = ["" if factor == 1.0 else f" with hazards of response times {factor:.3g}" for _, factor in found]
    shares = [
        f"{arm.p_sensitive:.3f}{more} ({name})" for name, arm, more in zip(draft.names, arms, raised, strict=True)
    ]
    return arms, f"sensitive = {', '.join(shares)}"


def _with_rate(draft: Draft, name: str, protocol: Protocol, rate: float) -> tuple[Protocol, float]:
    """The protocol of an arm with a plain rate, and the factor on hazards of response. Raises `RequestError`."""
    outcome, written = draft.outcomes.primary[0], draft.study.rates[name]
    try:
        if outcome.kind == c.RESPONSE:
            return with_raised_rate(protocol, outcome, rate, draft.counts_all)
        return at_point_values(with_toxicity(protocol, [outcome], rate, draft.counts_all)), 1.0
    except RequestError as error:
        shown = written.text if rate == written.value else f"{rate:g} (at the margin)"
        raise _of_arm(error, f"rates.{name}", shown) from None


def arms_with_medians(draft: Draft, n: int, accrual_days: float) -> tuple[Protocols, str]:
    """The arms with as many events as exponential times with their medians have, and what was set for it, in words.

    As many are seen in a trial of `n`, whose accrual takes some `accrual_days`. Raises `RequestError` for an arm whose
    hazards cannot be set so.
    """
    outcome, follow_up_days = draft.outcomes.primary[0], draft.study.conduct.follow_up.value
    arms, factors = [], []
    for name, protocol in zip(draft.names, draft.protocols, strict=True):
        median = draft.study.medians[name]
        hazard = partial(exponential_hazard, median.value)
        try:
            arm, factor = with_events_of(protocol, outcome, hazard, follow_up_days, n, accrual_days)
        except RequestError as error:
            raise _of_arm(error, f"medians.{name}", median.text) from None
        arms.append(arm)
        factors.append(f"{factor:.3g} ({name})")
    return tuple(arms), f"hazards of the event times {', '.join(factors)}"


def exponential_hazard(median_days: float, days: Floats) -> Floats:
    """The cumulative hazard of exponential times with a median, by study days."""
    return np.asarray(math.log(2.0) * days / median_days)


def _of_arm(error: RequestError, key: str, written: str) -> RequestError:
    """The error of one arm, with the key that gives its number."""
    return RequestError(f"{key} = {written}", error.problem.wrong, error.problem.allowed, key=key)
