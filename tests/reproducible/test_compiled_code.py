"""Machine code is kept for the next process, and never for other sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trialsim
from trialsim.compiled import code_cache
from trialsim.config.source.builtin import builtin_folder

pytestmark = pytest.mark.slow

DIGESTS = """
import sys
import trialsim as ts
from pathlib import Path
assert Path(ts.__file__).is_relative_to(Path.cwd()), ts.__file__
scenario = ts.load_scenario("tosi2000")
for engine in ("batch", "reference"):
    print(ts.run(scenario, 30, 1, engine=engine, on_note=lambda text: print(text, file=sys.stderr)).digest)
"""


def digests(folder: Path) -> tuple[list[str], str]:
    """The digests by both engines of the package in a folder, and what the run said."""
    own = {"PYTHONPATH": str(folder / "src"), code_cache.CACHE_VARIABLE: str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS], cwd=folder, env=os.environ | own, capture_output=True, text=True, check=True
    )
    return done.stdout.split(), done.stderr


def test_an_edited_rule_is_compiled_anew_and_never_served_stale(tmp_path: Path) -> None:
    package = Path(trialsim.__file__).parent
    shutil.copytree(package, tmp_path / "src" / "trialsim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(builtin_folder(), tmp_path / "configs")
    before, said = digests(tmp_path)
    assert before[0] == before[1]
    assert "compiling the batch engine" in said
    again, said = digests(tmp_path)
    assert again == before
    assert said == ""
    rule = tmp_path / "src" / "trialsim" / "model" / "titration.py"
    text = rule.read_text()
    assert text.count("min(level + amount, n_levels - 1)") == 1
    rule.write_text(text.replace("min(level + amount, n_levels - 1)", "min(level + amount + 1, n_levels - 1)"))
    edited, said = digests(tmp_path)
    assert edited[0] == edited[1] != before[0]
    assert "compiling the batch engine" in said


SWITCHED_OFF = """
import trialsim as ts
scenario, said = ts.load_scenario("tosi2000"), []
digests = {ts.run(scenario, 4, 1, engine=engine, on_note=said.append).digest for engine in ("batch", "reference")}
assert len(digests) == 1, digests
assert "switched off" in said[0], said
print("equal")
"""


def test_without_the_compiler_the_batch_engine_runs_slowly_to_the_same_digest() -> None:
    own = {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SWITCHED_OFF], env=os.environ | own, capture_output=True, text=True, check=False
    )
    assert done.stdout == "equal\n", done.stderr


def test_a_cache_that_others_may_write_is_not_used_and_said(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("modes")
    tmp_path.chmod(0o777)
    code = "from trialsim.compiled.jit import slowness\nprint(slowness())"
    own = {code_cache.CACHE_VARIABLE: str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | own, capture_output=True, text=True, check=True
    )
    assert "machine code is not kept for the next run: others may write" in done.stdout
    assert not list(tmp_path.rglob("*.code"))


def modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom trialsim.cli.main import app\n"
        f"sys.argv = ['trialsim', *{arguments!r}]\n"
        "try:\n    app()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('modules:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("modules:")[2].split())


def test_help_and_check_do_not_wait_for_the_compiler(tmp_path: Path) -> None:
    for arguments in (["--help"], ["run", "--help"], ["check", "tosi2000"]):
        found = modules_after(*arguments)
        assert "trialsim.cli.main" in found
        assert not {"numba", "llvmlite", "distributed"} & found
    run = ["run", "tosi2000", "--replicates", "60", "--engine", "batch", "--quiet", "--out", str(tmp_path / "out")]
    assert "numba" in modules_after(*run)


def test_a_place_where_nothing_can_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = "from trialsim.compiled import code_cache; print(code_cache.cache_folder())"
    own = {code_cache.CACHE_VARIABLE: str(tmp_path / "file")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | own, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


NAME = """
from trialsim.compiled import jit
from numba.core.bytecode import FunctionIdentity
print(FunctionIdentity.from_function(jit.slowness).unique_name)
"""


def test_machine_code_of_two_processes_never_has_one_name() -> None:
    """Otherwise a process that loads what both kept calls the sort of one in place of the argsort of the other."""
    names = {subprocess.run([sys.executable, "-c", NAME], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(names) == 2
