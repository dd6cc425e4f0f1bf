"""Nonsense at any key gets a message or a valid configuration without missing numbers, never a traceback."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.design.draft import check_study
from trialsim.errors import InputError

pytestmark = pytest.mark.slow

NONSENSE: list[Any] = [
    [],
    {},
    {"value": []},
    -1,
    "none of this",
    True,
    1e308,
    {"calibrated": ""},
    [{"source": "x"}],
    "²",
    "x" * 5000,
    [[1] * 100],
]


def keys_of(data: Any, place: str = "") -> Iterator[str]:
    """Every dotted key of plain data, inner ones too; the cohort's many facts are left out."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else []
    for key, value in items:
        dotted = f"{place}.{key}" if place else str(key)
        if dotted in ("cohort.facts", "parameters.values"):
            continue
        yield dotted
        yield from keys_of(value, dotted)


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_nonsense_at_any_key_is_refused_or_harmless(tosi2000: ts.Scenario, nonsense: Any) -> None:
    keys = [
        key for key in keys_of(tosi2000.to_mapping()) if not key.startswith("cohort.ambiguities.") or key.count(".") < 4
    ]
    assert len(keys) > 150
    n_refused = 0
    for key in keys:
        try:
            changed = tosi2000.with_changes({key: nonsense})
        except ts.ConfigurationError:
            n_refused += 1
            continue
        assert not re.search(r"\bnan\b", repr(dataclasses.asdict(protocol_of(changed)))), key
    assert n_refused > 0.5 * len(keys)


@pytest.mark.parametrize("nonsense", [*NONSENSE, "calibrated"], ids=lambda item: repr(item)[:20])
def test_nonsense_at_any_key_of_a_study_is_refused_or_harmless(nonsense: Any) -> None:
    keys = list(keys_of(ts.load_sizing("two_arm_toxicity").to_mapping()["study"]))
    assert len(keys) > 8
    n_refused = 0
    for key in keys:
        try:
            check_study(ts.load_sizing("two_arm_toxicity", {key: nonsense}))
        except InputError:
            n_refused += 1
    assert n_refused > 0.5 * len(keys)
