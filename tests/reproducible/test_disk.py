"""Places that cannot take results, and disks that are full: a message that says what is kept and how to go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, limits and names in bytes")
RUN = ("run", "tosi2000", "--seed", "4", "--engine", "reference", "--replicates", "40", "--block-size", "5", "--json")


def trialsim(folder: Path, *arguments: str | bytes, most_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """A command, in a process that may write files of a limited size (such as `ulimit -f` allows)."""
    command: list[str | bytes] = [sys.executable, "-m", "trialsim", *arguments]
    if most_bytes is not None:
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))"
        command[1:3] = ["-c", f"{limit}; from trialsim.cli.main import main; main()"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_a_full_disk_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    stopped = trialsim(tmp_path, *RUN, "--out", "out", most_bytes=16_000)
    assert stopped.returncode == 2
    assert "Traceback" not in stopped.stderr
    for words in ("File too large", ".out.unfinished", "--resume"):
        assert words in stopped.stderr
    assert not (tmp_path / "out").exists()
    resumed = trialsim(tmp_path, *RUN, "--out", "out", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    whole = trialsim(tmp_path, *RUN, "--out", "whole")
    digests = [json.loads(done.stdout)["results_digest"] for done in (resumed, whole)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [("loop", "this is a link that leads to itself"), (b"caf\xe9", "the name is not UTF-8"), ("x" * 250, "too long")],
)
def test_a_name_that_cannot_be_has_its_message_before_any_work(tmp_path: Path, name: str | bytes, message: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = trialsim(tmp_path, *RUN, "--out", name)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


@pytest.mark.parametrize("command", ["run", "compare", "size", "calibrate"])
def test_every_command_that_writes_a_folder_can_overwrite(tmp_path: Path, command: str) -> None:
    assert "--overwrite" in trialsim(tmp_path, command, "--help").stdout
