"""Only regular files are opened: a pipe, a device or a folder is refused at once, wherever a file is named."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.files.regular import UnsuitableFileError, open_regular, other_kind, read_regular


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    """A guard: whatever waits for a pipe is ended by the default action of SIGALRM."""
    signal.alarm(120)
    yield
    signal.alarm(0)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    return path


def test_a_regular_file_is_read_within_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(UnsuitableFileError, match="larger than"):
        read_regular(path, 4)
    (tmp_path / "link").symlink_to(path)
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"12345"


def test_anything_else_is_refused_without_waiting(tmp_path: Path, pipe: Path) -> None:
    for path, words in ((pipe, "a pipe"), (tmp_path, "a folder"), (Path("/dev/zero"), "a device")):
        assert other_kind(path) == words
        with pytest.raises(UnsuitableFileError, match=words):
            open_regular(path)
    assert other_kind(tmp_path / "nothing") == ""
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")


@pytest.mark.parametrize("what", ["pipe.yaml", "folder.yaml", "/dev/zero"])
def test_a_configuration_that_is_no_file_says_so(tmp_path: Path, pipe: Path, what: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for load in (ts.load_scenario, ts.load_cohort, ts.load_study, ts.load_sizing):
        with pytest.raises(ts.ConfigurationError, match="not a file"):
            load(tmp_path / what)


@pytest.mark.parametrize(
    "text",
    [
        "extends: pipe.yaml\n",
        "extends: tosi2000\ncohort: ./pipe.yaml\n",
        "extends: tosi2000\nparameters: {draws: PIPE}\n",
        "extends: tosi2000\nparameters: {draws: /dev/zero}\n",
    ],
)
def test_a_pipe_that_a_scenario_names_is_refused_at_its_line(tmp_path: Path, pipe: Path, text: str) -> None:
    os.mkfifo(tmp_path / "pipe.parquet")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("PIPE", str(tmp_path / "pipe.parquet")), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(path)
    assert f"mine.yaml:{text.count(chr(10))}" in str(raised.value)
    assert "not a file" in str(raised.value)
