"""The arms of a trial, or the variants of a study: changes of one scenario by name, and who goes to which arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from trialsim.config.schema.json_forms import VARIANT_KEY, changes_form
from trialsim.config.schema.population import Section
from trialsim.config.source.plain_data import explain_empty_key

Changes = Annotated[dict[str, Any], changes_form()]
VariantChanges = Annotated[dict[str, Any], changes_form(VARIANT_KEY)]


class Allocation(Section):
    """Who goes where in a parallel trial: permuted blocks of `block` patients, within each combination of `strata`.

    `ratio` gives how many of a block go to each variant, 1 unless given. Strata are `site` or categorical covariates.
    """

    ratio: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    """How many of a block go to each variant, by its name; 1 unless given."""
    block: int | None = Field(default=None, ge=1, le=1000)
    """The number of patients in a block."""
    strata: list[str] = Field(default_factory=list)
    """`site`, or names of covariates with categories."""


def expand_variants(variants: Mapping[Any, Any]) -> dict[str, Any]:
    """Variants without changes (`published:`) in their long form (`{}`), unless the name looks like a slip."""
    return {
        str(name): {} if item is None and explain_empty_key(str(name)) is None else item
        for name, item in variants.items()
    }
