"""The command line within this process: for tests of what a command does, not of its process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from trialsim.cli.main import main


@dataclass(frozen=True)
class Done:
    """The exit code of a command, and what it printed to standard output and to standard error."""

    returncode: int
    stdout: str
    stderr: str


def trialsim(folder: Path, *arguments: str, columns: int = 80) -> Done:
    """Run `trialsim ARGUMENTS` in a folder, as in a terminal of so many columns whose output goes into a file."""
    printed, said = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(said):
        patch.chdir(folder)
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(sys, "argv", ["trialsim", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
    code = stopped.value.code
    assert code is None or isinstance(code, int), code
    return Done(code or 0, printed.getvalue(), said.getvalue())
