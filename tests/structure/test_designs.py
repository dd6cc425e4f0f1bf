"""Every design is registered, configured and named in one way; checking a study of it needs no compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest

from trialsim.config.schema.designs import KEYS, SPECIAL_KEYS, Design
from trialsim.config.source.builtin import builtin_names
from trialsim.design.base import PlannedDesign
from trialsim.design.preparation import SUPPOSED
from trialsim.design.registry import DESIGNS, OF_TESTS

CHECK = """
import sys
from trialsim.config.loading.size_studies import is_sizing, load_sizing
from trialsim.design.draft import check_study
for name in sys.argv[1:]:
    if is_sizing(name):
        check_study(load_sizing(name))
sys.exit("numba" in sys.modules)
"""


def test_what_a_study_may_ask_for_is_registered_and_has_keys() -> None:
    assert set(get_args(Design)) == set(DESIGNS) == set(KEYS)
    assert all(name == design.name for name, design in DESIGNS.items())


@pytest.mark.parametrize("name", list(DESIGNS))
def test_keys_of_a_design_are_used_once(name: str) -> None:
    keys = DESIGNS[name].config_keys
    named = [*keys.needs, *keys.may_use]
    assert len(named) == len(set(named))
    assert set(named) <= {*SPECIAL_KEYS, "alternative"}


def test_every_design_can_be_simulated_under_its_hypotheses() -> None:
    designs = [*DESIGNS.values(), *OF_TESTS.values()]
    assert {design.hypotheses for design in designs} == set(SUPPOSED)


def test_designs_with_numbers_are_complete() -> None:
    def all_below(of: Any) -> list[Any]:
        return [of, *(own for below in of.__subclasses__() for own in all_below(below))]

    built = [own for own in all_below(PlannedDesign)[1:] if own.__name__.startswith("Planned")]
    assert len(built) >= 8
    assert not [own.__name__ for own in built if own.__abstractmethods__]


def test_checking_a_study_of_size_needs_no_compiler() -> None:
    names = list(builtin_names("studies"))
    done = subprocess.run([sys.executable, "-c", CHECK, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
