"""A study made ready to be simulated: what cannot be compared is refused before any work starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trialsim.comparison.checks import check_comparison
from trialsim.comparison.paired_trials import PreparedComparison, weights_of
from trialsim.config import protocol_of
from trialsim.config.loading.comparisons import Comparison
from trialsim.config.schema.comparison_study import PARALLEL, CompareStudy
from trialsim.endpoints.per_patient import PatientEndpoint, endpoint_written, endpoints_of
from trialsim.errors import RequestError
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.simulation import choose_engine
from trialsim.simulation.allocation import Arms, arms_of


def prepare_comparison(
    comparison: Comparison, engine: str, replicates: int, strategies: Mapping[str, Strategy] | None = None
) -> PreparedComparison:
    """A study made ready to be simulated, with a variant more for each Python function that decides the dose.

    Raises `ConfigurationError` for what cannot be compared, and `RequestError` for what cannot be done with it.
    """
    check_comparison(comparison)
    study, scenarios = comparison.study, comparison.scenarios
    protocols_by_name = {name: protocol_of(scenario) for name, scenario in scenarios.items()}
    first = next(iter(protocols_by_name.values()))
    for name, strategy in (strategies or {}).items():
        if name in protocols_by_name:
            raise RequestError(f"strategy {name}", "a variant of the study has this name.", "another name.")
        protocols_by_name[name] = replace(first, strategy=strategy)
    names, protocols = tuple(protocols_by_name), tuple(protocols_by_name.values())
    of_variants = endpoints_of(study.endpoints, protocols)
    endpoints = of_variants[0]
    reference = names.index(study.control) if study.control is not None else 0
    others = [i for i in range(len(names)) if i != reference]
    pairs = [(i, reference) for i in others]
    if study.control is None:
        pairs = [(b, a) for a in range(len(names)) for b in range(a + 1, len(names))]
    choices = [choose_engine(engine, protocol, replicates * len(protocols)) for protocol in protocols]
    return PreparedComparison(
        names=names,
        protocols=protocols,
        engines=tuple(choice.name for choice in choices),
        of_variants=of_variants,
        pairs=tuple(pairs),
        weights=weights_of(study.utility, endpoints),
        plane=_plane(study, endpoints),
        arms=_arms(comparison, protocols[0], names) if study.design == PARALLEL else None,
        reference=reference,
    )


def _plane(study: CompareStudy, endpoints: Sequence[PatientEndpoint]) -> tuple[str, str] | None:
    """The names of the endpoints of benefit and of harm, which the study may write in short form."""
    if study.plane is None:
        return None
    benefit, harm = (endpoint_written(endpoints, name) for name in (study.plane.benefit, study.plane.harm))
    return (benefit.name, harm.name) if benefit is not None and harm is not None else None


def _arms(comparison: Comparison, protocol: Protocol, names: tuple[str, ...]) -> Arms:
    plan = comparison.study.allocation
    return arms_of(protocol, names, plan.ratio, plan.block, tuple(plan.strata))
