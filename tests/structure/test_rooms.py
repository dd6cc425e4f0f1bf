"""The rooms of the package: in one order, in the import contract and on the page about them; of readable size."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "trialsim"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 450
MAX_LINES_OF_A_FUNCTION = 80  # arguments included; the docstring of a public function is as long as it must be
MAX_FILES_OF_A_ROOM = 25


def layers() -> list[list[str]]:
    (contract,) = [contract for contract in CONTRACTS if contract.get("containers") == ["trialsim"]]
    return [re.split(r"\s*\|\s*", layer) for layer in contract["layers"]]


def test_every_room_is_in_a_layer() -> None:
    (contract,) = [contract for contract in CONTRACTS if contract.get("containers") == ["trialsim"]]
    assert contract["exhaustive"]
    assert set(contract["exhaustive_ignores"]) == {"__main__", "strategies"}


def test_the_page_names_the_rooms_in_the_order_of_the_contract() -> None:
    block = PAGE.partition("```\n")[2].partition("```")[0]
    lines = [line.split("  ")[0] for line in block.splitlines() if not line.startswith(" ")]
    names = [name for line in lines for name in re.split(r"\s*·\s*", line.strip())]
    position = {name: len(layers()) - i for i, layer in enumerate(layers()) for name in layer}
    assert set(names) == set(position)
    order = [position[name] for name in names if name not in ("typing", "errors")]
    assert order == sorted(order)


def test_files_that_the_page_names_exist() -> None:
    named = re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", PAGE)
    assert len(named) > 10
    for name in named:
        assert any((base / name).exists() for base in (PACKAGE, ROOT)), name


def test_modules_are_of_readable_size() -> None:
    long = {str(path): n for path in MODULES if (n := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES}
    assert long == {}


def lines_of_code(function: ast.FunctionDef) -> int:
    """The lines of a function without those of its docstring."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    n_documented = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - n_documented


def test_functions_are_of_readable_size() -> None:
    long = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and lines_of_code(node) > MAX_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_rooms_have_few_files_and_say_what_they_hold() -> None:
    folders = {path.parent for path in MODULES}
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= MAX_FILES_OF_A_ROOM, folder
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), folder


def test_modules_that_a_room_lists_exist() -> None:
    n_listed = 0
    for folder in {path.parent for path in MODULES}:
        text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        for names in re.findall(r"^([a-z_]+(?:, [a-z_]+)*) {2,}\S", text, flags=re.MULTILINE):
            for name in names.split(", "):
                n_listed += 1
                assert (folder / f"{name}.py").exists() or (folder / name).is_dir(), f"{folder.name}: {name}"
    assert n_listed > 40


def test_files_that_the_recipes_name_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+/[a-z_/]+(?:\.[a-z]+)?)`", text)
    assert len(named) > 20
    for name in named:
        assert any((base / name).exists() for base in (PACKAGE, ROOT)), name
