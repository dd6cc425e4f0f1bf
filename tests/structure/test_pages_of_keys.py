"""Every key that a cohort file may have stands on the page of its keys, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from trialsim.config.schema.cohort import Ambiguity, Cohort, Fact, Interpretation
from trialsim.config.schema.published_statistic import PublishedStatistic

PAGE = (Path(__file__).parents[2] / "docs" / "cohorts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [Cohort, Fact, PublishedStatistic, Ambiguity, Interpretation])
def test_every_key_of_a_cohort_file_is_on_its_page(model: Any) -> None:
    missing = [name for name in model.model_fields if not re.search(rf"`{name}`|\b{name}: ", PAGE)]
    assert missing == []


def test_the_examples_are_valid() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)]
    head = {"name": "example", "title": "an example", "citation": "nobody"}
    statistics, ambiguities = blocks
    rash = {"kind": "proportion", "printed": "20 %", "count": 5, "of": 27, "source": "invented"}
    cohort = {**head, "statistics": {**statistics["statistics"], "toxicity.rash": rash}, **ambiguities}
    assert len(Cohort.model_validate(cohort).statistics) == 15
