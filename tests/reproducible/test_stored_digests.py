"""Everything that is shipped gives the results that are stored, on every Python."""

from __future__ import annotations

import pytest

from tests.reproducible.stored_digests import KINDS, stored

pytestmark = pytest.mark.slow


def test_every_shipped_configuration_has_a_stored_digest() -> None:
    assert {kind: sorted(of) for kind, of in stored().items()} == {k: sorted(names) for k, (_, names) in KINDS.items()}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, names) in KINDS.items() for name in names])
def test_the_results_are_the_stored_ones(kind: str, name: str) -> None:
    """Where a change is meant: `python -m tests.reproducible.stored_digests --update`, and say why in CHANGELOG.md."""
    compute, _ = KINDS[kind]
    assert compute(name) == stored()[kind][name]
