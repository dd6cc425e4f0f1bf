"""The public list cannot drift, and the house keeps its size and its words."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from pathlib import Path

import trialsim as ts
from trialsim.workflows.designs import FUNCTIONS
from trialsim.workflows.result import CommandResult

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_every_public_name_is_there_and_documented() -> None:
    assert set(ts.__all__) == {*ts._HOMES, *ts._ROOMS, "__version__"}
    assert set(dir(ts)) == set(ts.__all__)
    for name in ts._HOMES:
        assert getattr(ts, name).__doc__, name
    assert not hasattr(ts, "no_such_name")


def test_public_functions_say_what_they_take_give_and_raise() -> None:
    """In NumPy sections, with every parameter of the signature and no other."""
    functions = {name: getattr(ts, name) for name in ts._HOMES if inspect.isfunction(getattr(ts, name))}
    assert {"run", "compare", "size", "calibrate", "check", "trace", "run_again"} <= set(functions)
    functions |= FUNCTIONS
    for name, function in functions.items():
        text = inspect.getdoc(function) or ""
        sections = dict(re.findall(r"(?ms)^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text))
        assert {"Parameters", "Returns", "Raises"} <= set(sections), name
        named = re.findall(r"(?m)^(\w+(?:, \w+)*)$", sections["Parameters"])
        assert ", ".join(named).split(", ") == list(inspect.signature(function).parameters), name


def test_public_results_have_the_attributes_that_they_document() -> None:
    """Of each result every attribute that is named exists, and every field is named."""
    public = {name: getattr(ts, name) for name in ts._HOMES}
    results = {name: item for name, item in public.items() if inspect.isclass(item) and issubclass(item, CommandResult)}
    assert {"Result", "Compared", "Sized", "Calibrated", "CalibratedStudy"} <= set(results)
    for name, result in results.items():
        text = (inspect.getdoc(result) or "").partition("\nAttributes\n----------\n")[2]
        named = set(re.findall(r"(?m)^(\w+)$", text))
        fields = {field.name for field in dataclasses.fields(result)}
        assert fields <= named, name
        assert all(item in fields or hasattr(result, item) for item in named), name


def test_modules_have_at_most_450_lines_and_functions_under_40() -> None:
    """Modules are cut where concepts end; 300 lines is usual."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 450, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                has_docstring = ast.get_docstring(node) is not None
                first = node.body[1] if has_docstring and len(node.body) > 1 else node.body[0]
                assert (node.end_lineno or 0) - first.lineno < 40, f"{path}: {node.name}"


def test_no_module_is_named_after_nothing_in_particular() -> None:
    for path in SOURCES:
        assert path.stem not in {"utils", "helpers", "core", "manager", "common", "misc"}, path


def test_nothing_is_left_to_do_in_the_code() -> None:
    for path in SOURCES:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8")), path


def test_no_file_names_a_download_host() -> None:
    for name in ("requirements.txt", "pyproject.toml", "Makefile", ".ci/run"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8"), name
