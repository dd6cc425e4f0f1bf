"""`trialsim check` refuses whatever `compare` would refuse of a study, all at once and with the line, uncompiled."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import trialsim as ts

STUDY = """\
study: compare
title: two intervals
scenario: tosi2000
variants:
  one: {}
  two: {treatment.every: 28 days}
endpoints:
  - partial response
  - of: any severe toxicity
    name: toxicity
"""
N_LINES = STUDY.count("\n")
# What is added to the study: the line that the message names, counted from there, and the message.
REFUSED = {
    "a misspelt endpoint": ("  - partial respons\n", 1, "there is no such endpoint", "Did you mean partial response?"),
    "a misspelt endpoint in long form": ("  - name: mine\n    of: dead\n", 2, "there is no such endpoint", "died"),
    "an unknown column": (
        "  - {name: heavy, expression: total_dose > 1, better: lower}\n",
        1,
        "there is not a column total_dose",
        "Did you mean total_dose_mg?",
    ),
    "an unknown column among": (
        "  - of: any response\n    among: best_respons > 0\n",
        2,
        "among = best_respons > 0\n  there is not a column best_respons",
        "Did you mean best_response?",
    ),
    "an expression that is none": ("  - {name: odd, expression: '1 +', better: lower}\n", 1, "it cannot be read", ""),
    "a time without an end": ("  - survival\n", 1, "a time to an event needs a time", "`at: 12 months`"),
    "a time beyond the cut-off": ("  - {of: survival, at: 90 years}\n", 1, "nobody is observed so long in 'one'", ""),
    "two endpoints of one name": ("  - {of: died, name: toxicity}\n", 1, "two endpoints have this name", ""),
    "a name that is taken": ("  - {of: died, name: utility}\n", 1, "this name is taken by the weighted sum", ""),
    "a utility of nothing": ("utility:\n  toxicty: 1\n", 2, "the study has no endpoint", "Did you mean toxicity?"),
    "a plane of nothing": ("plane: {benefit: response, harm: toxicity}\n", 1, "no endpoint of this name", ""),
    "a plane of what is neither": (
        "  - average dose\nplane:\n  benefit: partial response\n  harm: average dose\n",
        4,
        "neither more nor less of it is better",
        "`better: higher` or `lower`",
    ),
    "a block too small": (
        "design: parallel\nallocation:\n  ratio: {one: 2}\n  block: 4\n",
        4,
        "a block of 4 does not hold the ratio",
        "a multiple of 3",
    ),
    "a stratum of nobody": ("design: parallel\nallocation: {strata: [age]}\n", 2, "no age to split by", ""),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_check_and_compare_refuse_it_with_its_line(tmp_path: Path, name: str) -> None:
    added, line, *messages = REFUSED[name]
    path = written(tmp_path, STUDY + added)
    with pytest.raises(ts.ConfigurationError) as checked:
        ts.check(path)
    with pytest.raises(ts.ConfigurationError) as compared:
        ts.compare(path, replicates=2, engine="reference")
    assert str(checked.value) == str(compared.value)
    (problem,) = checked.value.problems
    assert problem.place == f"{path}:{N_LINES + line}"
    for message in messages:
        assert message in str(problem)


def test_every_problem_of_a_study_is_told_at_once(tmp_path: Path) -> None:
    added = "  - dead\n  - {of: died, among: age > 60}\ndesign: parallel\nallocation: {strata: [age]}\n"
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.check(written(tmp_path, STUDY + added))
    lines = [int(re.findall(r":(\d+)$", problem.place)[0]) - N_LINES for problem in raised.value.problems]
    assert lines == [1, 2, 4]


def test_a_study_is_checked_without_the_compiler() -> None:
    code = (
        "import sys, trialsim as ts\n"
        "print(len(ts.check('compare_titration')), sorted({'numba', 'llvmlite'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 []"
