"""Run the examples of the pages and put what they print under them; put files where a page shows them.

python docs/write_examples.py
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "calibration.md",
    ROOT / "docs" / "guide" / "python.md",
    ROOT / "docs" / "guide" / "compare.md",
    ROOT / "docs" / "guide" / "arms.md",
    ROOT / "docs" / "guide" / "size.md",
    ROOT / "docs" / "guide" / "designs.md",
    ROOT / "docs" / "guide" / "analyse.md",
    ROOT / "docs" / "guide" / "published-pilot.md",
)
FILE = re.compile(r"(<!-- file: ([^\n]*) -->\n```\n)(.*?)(```\n)", re.DOTALL)
COMMAND = re.compile(r"(<!-- output of: (trialsim [^\n]*) -->\n```\n)(.*?)(```\n)", re.DOTALL)
PYTHON = re.compile(r"(```python\n(.*?)```\n\n```\n)(.*?)(```\n)", re.DOTALL)


def output_of_command(command: str) -> str:
    """What a trialsim command prints, as in a terminal of 80 columns."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "trialsim", *command.split()[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "80"},
        )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.strip("\n").splitlines())


def output_of_python(code: str) -> str:
    """What a piece of Python prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})  # the README's own example
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def with_outputs(text: str) -> str:
    """A page with every output made anew and every file as it stands."""
    text = FILE.sub(lambda m: m[1] + (ROOT / m[2]).read_text(encoding="utf-8") + m[4], text)
    text = COMMAND.sub(lambda m: m[1] + output_of_command(m[2]) + m[4], text)
    return PYTHON.sub(lambda m: m[1] + output_of_python(m[2]) + m[4], text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(with_outputs(page.read_text(encoding="utf-8")), encoding="utf-8")
