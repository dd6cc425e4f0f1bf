"""Results do not depend on the version of Python: floats are added from left to right, by one function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from trialsim.model.sums import add_in_order

SOURCES = Path(__file__).parents[2] / "src" / "trialsim"
DRAWN = {"report"}  # what is drawn and printed feeds no simulation and no digest
COMPENSATED = {"fsum", "fmean", "sumprod"}
EXACT_OR_OF_ARRAYS = {
    "design/theory/two_arm_sizes.py": {"parts", "last"},
    "design/theory/two_stage.py": {  # of fractions, which are exact
        "((first[x] - first[x + 1]) * rest[needed[x]] for x in range(r1 + 1, n1 + 1))",
    },
    "simulation/cluster.py": {"client.nthreads().values()"},
    "engines/reference/patient_state.py": {"(self.n_onsets[bit] for bit in whole)"},
    "engines/batch/planning.py": {"(phase.n_visits for phase in protocol.early_visits)"},
    "design/conduct/blocks.py": {"(count for _, count in todo[:len(finished)])"},
    "config/schema/size_study.py": {"(self.allocation.ratio.get(name, 1) for name in self.variants)"},
    "endpoints/per_trial.py": {"parts[1:]"},
    "workflows/size.py": {"(rows[f'n_{i}'] for i in range(len(self.ready.names)))"},
    "calibration/targets.py": {
        "rest.counts", "known.values()", "(counts[part] for part in parts)", "counts.values()",
    },
    "calibration/likelihood.py": {"term.counts"},
    "calibration/order_statistics.py": {  # of arrays
        "(first[..., i] * _or_edge(at_least, number - i) for i in range(k + 1))",
        "(first[..., i] * second[..., half - i] for i in range(max(0, half - m), min(k, half) + 1))",
    },
}  # fmt: skip


def counts(argument: ast.expr) -> bool:
    """Whether what is added is seen to be whole: comparisons, lengths and bits."""
    item = argument.elt if isinstance(argument, ast.GeneratorExp) else argument
    is_length = ast.unparse(item).startswith(("len(", "map(len, "))
    return (
        is_length or isinstance(item, ast.Compare) or (isinstance(item, ast.BinOp) and isinstance(item.op, ast.LShift))
    )


def sums_of_floats(text: str, allowed: set[str]) -> list[str]:
    """The built-in sums in a module that may be of floats, and everything that compensates for rounding."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        is_sum = isinstance(node.func, ast.Name) and name == "sum"
        if name in COMPENSATED or (is_sum and not counts(node.args[0]) and ast.unparse(node.args[0]) not in allowed):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("sum(rates)", True),
        ("sum(x / 2 for x in rates)", True),
        ("math.fsum(rates)", True),
        ("statistics.fmean(rates)", True),
        ("sum(1 << i for i in places)", False),
        ("sum(len(part) for part in parts)", False),
        ("sum(map(len, parts))", False),
        ("sum(map(length, parts))", True),
        ("sum(x is not None for x in given)", False),
        ("add_in_order(rates)", False),
    ],
)
def test_a_sum_that_depends_on_the_version_is_recognised(text: str, is_refused: bool) -> None:
    assert bool(sums_of_floats(text, set())) == is_refused


def test_floats_are_added_in_order_everywhere() -> None:
    for path in sorted(SOURCES.rglob("*.py")):
        name = path.relative_to(SOURCES).as_posix()
        if name.split("/")[0] not in DRAWN:
            allowed = EXACT_OR_OF_ARRAYS.get(name, set())
            assert not sums_of_floats(path.read_text(encoding="utf-8"), allowed), name


def test_numbers_are_added_from_left_to_right_without_compensation() -> None:
    assert add_in_order([1.0, 1e100, 1.0, -1e100]) == 0.0
    assert add_in_order([]) == 0.0
    third = 1.0 / 3.0
    assert add_in_order([0.1, 0.2, third]) == (0.1 + 0.2) + third
