"""A study made ready to be simulated: what cannot be compared is refused before any work starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trialsim.comparison.paired_trials import UTILITY, Contest, weights_of
from trialsim.config import protocol_of
from trialsim.config.loading.comparisons import Comparison
from trialsim.config.schema.comparison_study import PARALLEL, CompareStudy
from trialsim.config.source.problems import nearest
from trialsim.endpoints.per_patient import Endpoint, endpoints_of
from trialsim.errors import RequestError
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation import choose_engine
from trialsim.simulation.allocation import Arms, arms_of
from trialsim.simulation.limits import longest_follow_up


def contest_of(
    comparison: Comparison, engine: str, replicates: int, strategies: Mapping[str, Strategy] | None = None
) -> Contest:
    """A study made ready to be simulated, with a variant more for each Python function that decides the dose.

    Raises `RequestError` for what cannot be compared.
    """
    study, scenarios = comparison.study, comparison.scenarios
    protocols_by_name = {name: protocol_of(scenario) for name, scenario in scenarios.items()}
    first = next(iter(protocols_by_name.values()))
    for name, strategy in (strategies or {}).items():
        if name in protocols_by_name:
            raise RequestError(f"strategy {name}", "a variant of the study has this name.", "another name.")
        protocols_by_name[name] = replace(first, strategy=strategy)
    names, protocols = tuple(protocols_by_name), tuple(protocols_by_name.values())
    if len({scenario.parameters.digest for scenario in scenarios.values()}) > 1:
        wrong = "the parameters vary in some variants and not in others, or over other draws."
        raise RequestError("variants", wrong, "the same `parameters` in all of them.")
    of_variants = endpoints_of(study.endpoints, protocols)
    endpoints = of_variants[0]
    for name, protocol in zip(names, protocols, strict=True):
        _check_horizons(name, protocol, endpoints)
    _check_asked_for(study, endpoints)
    reference = names.index(study.control) if study.control is not None else 0
    others = [i for i in range(len(names)) if i != reference]
    pairs = [(i, reference) for i in others]
    if study.control is None:
        pairs = [(b, a) for a in range(len(names)) for b in range(a + 1, len(names))]
    choices = [choose_engine(engine, protocol, replicates) for protocol in protocols]
    return Contest(
        names=names,
        protocols=protocols,
        engines=tuple(choice.name for choice in choices),
        of_variants=of_variants,
        pairs=tuple(pairs),
        weights=weights_of(study.utility, endpoints),
        arms=_arms(comparison, protocols[0], names) if study.design == PARALLEL else None,
        reference=reference,
    )


def _check_asked_for(study: CompareStudy, endpoints: Sequence[Endpoint]) -> None:
    """The utility and the plane are of endpoints that the study has."""
    known = [item.name for item in endpoints]
    wanted = [*study.utility, *([study.plane.benefit, study.plane.harm] if study.plane is not None else [])]
    for name in wanted:
        if name not in known:
            wrong = "the study has no endpoint of this name."
            raise RequestError(f"endpoint {name}", wrong, f"{', '.join(known)}.", nearest(name, known))
    if study.plane is not None:
        for name in (study.plane.benefit, study.plane.harm):
            if not endpoints[known.index(name)].better:
                wrong = "neither more nor less of it is better, so it has no place in the plane."
                raise RequestError(f"endpoint {name}", wrong, "`better: higher` or `lower` with this endpoint.")
    if UTILITY in known:
        raise RequestError("endpoint utility", "this name is taken by the weighted sum.", "another name.")


def _check_horizons(variant: str, protocol: Protocol, endpoints: Sequence[Endpoint]) -> None:
    """A time that even the first patient is not observed to says nothing, or only of trials without survivors."""
    longest = longest_follow_up(protocol)
    for item in endpoints:
        if item.horizon > longest:
            wrong = f"nobody is observed so long in {variant!r}: at most {longest / DAYS_PER_MONTH:.1f} months."
            raise RequestError(f"endpoint {item.name}", wrong, "an earlier time, or a later cut-off.")


def _arms(comparison: Comparison, protocol: Protocol, names: tuple[str, ...]) -> Arms:
    plan = comparison.study.allocation
    return arms_of(protocol, names, plan.ratio, plan.block, tuple(plan.strata))
