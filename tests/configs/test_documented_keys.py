"""The page on keys says what the schema of a parameter file says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from trialsim.config import load_parameters
from trialsim.config.schema.parameters import Parameter, ParameterSet, Prior

PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Parameter files: every key\n")[2].partition("\n## ")[0]
EVERY_KEY = {key: field for model in (ParameterSet, Parameter, Prior) for key, field in model.model_fields.items()}


def documented() -> dict[str, str]:
    """The keys of the table, each with whether it must be there."""
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", SECTION, flags=re.MULTILINE)
    return {key: needed for keys, needed in rows for key in re.findall(r"`(\w+)`", keys)}


def test_the_table_has_every_key_and_no_other() -> None:
    assert set(documented()) == set(EVERY_KEY)


def test_the_table_says_which_keys_must_be_there() -> None:
    required = {key for key, field in EVERY_KEY.items() if field.is_required()}
    assert {key for key, needed in documented().items() if needed == "yes"} == required
    assert {key for key, needed in documented().items() if needed.startswith("no")} == set(EVERY_KEY) - required - {
        "sd"
    }


def test_the_example_is_valid_and_has_every_kind_of_prior_but_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", SECTION, flags=re.DOTALL)
    parameters = load_parameters(yaml.safe_load(block)).parameters
    kinds = {item.prior.distribution for item in parameters.values()}
    assert kinds == {"lognormal", "normal", "fixed"}
    assert all(f"`{kind}`" in SECTION for kind in (*kinds, "logit-normal"))
