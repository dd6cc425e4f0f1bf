"""The parameters of a scenario that are known only as draws: where each stands, and its draws as engines read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trialsim.config.calibrated.draw_tables import ParameterTable, table_wanted
from trialsim.config.calibrated.places import parameter_place
from trialsim.config.calibrated.resolve import POSTERIOR_MEDIAN
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData, own_name, parameter_name
from trialsim.model.protocol import ParameterPlace


class Draws(NamedTuple):
    """Parameters by name, the places of each, and the draws in the units that engines read: a row a draw."""

    names: tuple[str, ...] = ()
    places: tuple[tuple[ParameterPlace, ...], ...] = ()
    values: tuple[tuple[float, ...], ...] = ()


def draws_of(scenario: ScenarioData) -> Draws:
    """The draws of a scenario's parameters; nothing where they are fixed. Raises `ConfigurationError`."""
    names = varying_names(scenario)
    table = table_of(scenario)
    if table is None or not names:
        return Draws()
    places = parameter_places(scenario)
    types = dict(_kinds(scenario))
    units = {name: table.units[table.names.index(name)] for name in names}
    factors = tuple(types[name].factor_of(units[name]) or 1.0 for name in names)
    return Draws(names, tuple(places[name] for name in names), _values(table, names, factors))


def table_of(scenario: ScenarioData) -> ParameterTable | None:
    """The table of draws that a scenario takes its parameters from; None where they are fixed."""
    if scenario.parameters.use != "calibrated":
        return None
    cohort = scenario.cohort.name if scenario.cohort is not None else ""
    return table_wanted(scenario.parameters.model_dump(), cohort)


def varying_names(scenario: ScenarioData) -> tuple[str, ...]:
    """The parameters that each replicate draws anew, in the order in which the scenario names them."""
    values = scenario.parameters.values
    names = dict.fromkeys(name for name, _ in _kinds(scenario))
    return tuple(name for name in names if name in values and values[name].origin == POSTERIOR_MEDIAN)


def parameter_places(scenario: ScenarioData) -> dict[str, tuple[ParameterPlace, ...]]:
    """Every parameter of a scenario with the places where it stands."""
    places: dict[str, tuple[ParameterPlace, ...]] = {}
    for place, quantity in quantities_in(scenario):
        if quantity.calibrated:
            name = parameter_name(quantity, own_name(place))
            places[name] = (*places.get(name, ()), parameter_place(scenario, place))
    return places


def _kinds(scenario: ScenarioData) -> Iterator[tuple[str, type[Quantity]]]:
    """The parameters that a scenario refers to, each with the kind of number that it stands for."""
    for place, quantity in quantities_in(scenario):
        if quantity.calibrated:
            yield parameter_name(quantity, own_name(place)), type(quantity)


def _values(table: ParameterTable, names: tuple[str, ...], factors: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    columns = [(table.column(name) * factor).tolist() for name, factor in zip(names, factors, strict=True)]
    return tuple(zip(*columns, strict=True))
