"""The quantities of a configuration, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from trialsim.config.schema.quantity import Quantity
from trialsim.config.source.yaml import Place


def quantities_in(section: BaseModel, place: Place = ()) -> Iterator[tuple[Place, Quantity]]:
    """Every quantity of a configuration with its place, in the order of the file; the cohort of a scenario left out."""
    for name in type(section).model_fields:
        if name == "cohort":
            continue
        yield from _quantities(getattr(section, name), (*place, name))


def _quantities(value: object, place: Place) -> Iterator[tuple[Place, Quantity]]:
    if isinstance(value, Quantity):
        yield place, value
    elif isinstance(value, BaseModel):
        yield from quantities_in(value, place)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _quantities(item, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _quantities(item, (*place, i))
