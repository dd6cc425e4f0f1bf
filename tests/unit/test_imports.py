"""Which packages a command imports: what takes long to import is imported only where it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WATCHED = (
    "arviz_stats", "dask", "emcee", "lifelines", "matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic",
    "rich", "scipy", "simpy", "statsmodels",
)  # fmt: skip
CONFIGURATION = {"numpy", "pydantic"}
DRAWS = {"pyarrow"}  # the posterior of a scenario is a parquet file
TABLES = {"pandas", "pyarrow", "simpy"}
# What may be imported; a package that is not there is not.
COMMANDS: list[tuple[str, set[str]]] = [
    # typer prints help with rich and reads options with pydantic
    ("--help", {"rich"}),
    ("--version", {"pydantic"}),
    ("schema scenario", CONFIGURATION),
    ("check tosi2000", {*CONFIGURATION, *DRAWS}),
    ("check compare_titration", {*CONFIGURATION, *TABLES}),
    ("check simon_response", {*CONFIGURATION, *TABLES, "scipy"}),
    ("design simon --p0 0.1 --p1 0.3", {*CONFIGURATION, *TABLES, "rich", "scipy"}),
    # numba imports scipy for itself
    ("run tosi2000 --replicates 20 --no-pictures", {*CONFIGURATION, *TABLES, "numba", "rich", "scipy"}),
    ("run tosi2000 --replicates 20", {*CONFIGURATION, *TABLES, "matplotlib", "numba", "rich", "scipy"}),
]


def _imported(command: str, folder: Path) -> set[str]:
    code = (
        f"import sys\nsys.argv = {['trialsim', *command.split()]!r}\nfrom trialsim.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(("command", "allowed"), COMMANDS)
def test_a_command_imports_only_the_packages_that_it_uses(command: str, allowed: set[str], tmp_path: Path) -> None:
    assert _imported(command, tmp_path) & set(WATCHED) <= allowed


@pytest.mark.parametrize("command", ["design simon --p0 0.1 --p1 0.3", "run tosi2000 --replicates 20 --no-pictures"])
def test_a_command_does_not_import_what_belongs_to_others(command: str, tmp_path: Path) -> None:
    imported = _imported(command, tmp_path)
    others = {"trialsim.workflows.calibrate", "trialsim.workflows.size", "trialsim.workflows.compare"}
    assert not imported & others
