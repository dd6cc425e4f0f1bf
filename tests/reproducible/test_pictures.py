"""The answer comes before the pictures: what is shown, written and kept when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trialsim as ts
from trialsim.errors import PicturesInterrupted
from trialsim.storage.formats import FORMATS
from trialsim.workflows.compare import Compared
from trialsim.workflows.run_result import Result
from trialsim.workflows.size import Sized

Command = Callable[..., Any]


def _run(**how: Any) -> Any:
    return ts.run("tosi2000", 20, 3, **how)


def _compare(**how: Any) -> Any:
    return ts.compare("compare_titration", None, 20, 3, **how)


def _size(**how: Any) -> Any:
    return ts.size("simon_response", None, 100, 3, **how)


COMMANDS = [
    (_run, Result),
    pytest.param(_compare, Compared, marks=pytest.mark.slow),
    pytest.param(_size, Sized, marks=pytest.mark.slow),
]


def _pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix[1:] in FORMATS)


@pytest.mark.parametrize(("command", "kind"), COMMANDS)
def test_the_result_is_there_before_its_pictures_and_its_folder(
    command: Command, kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    out = tmp_path / "out"

    def show(result: Any) -> None:
        assert not out.exists()
        order.append(result.digest)

    def draw(self: Any, folder: Path, figures: tuple[str, ...]) -> None:
        order.append("drawn")
        assert (folder / "manifest.json").is_file()

    monkeypatch.setattr(kind, "draw", draw)
    result = command(out=out, on_result=show)
    assert order == [result.digest, "drawn"]
    assert (out / "manifest.json").is_file()


@pytest.mark.parametrize(("command", "kind"), COMMANDS)
def test_ctrl_c_while_pictures_are_drawn_keeps_the_results(
    command: Command, kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def draw(self: Any, folder: Path, figures: tuple[str, ...]) -> None:
        (folder / "half.png").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "draw", draw)
    with pytest.raises(PicturesInterrupted, match="without pictures") as stop:
        command(out=out)
    assert _pictures(out) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # nothing unfinished stays beside it
    again = ts.run_again(out)
    assert again.digest == stop.value.finished.digest  # type: ignore[attr-defined]


def test_no_formats_draw_no_pictures_and_change_no_other_file(tmp_path: Path) -> None:
    _run(out=tmp_path / "with", figures=("svg",))
    _run(out=tmp_path / "without", figures=())
    assert _pictures(tmp_path / "with") == ["predictive.svg", "swimmer.svg"]
    names = {path.name for path in (tmp_path / "with").iterdir()} - {"predictive.svg", "swimmer.svg"}
    assert {path.name for path in (tmp_path / "without").iterdir()} == names
    for name in names - {"manifest.json"}:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_a_result_that_cannot_be_shown_is_written_all_the_same(tmp_path: Path) -> None:
    def show(result: Any) -> None:
        raise OSError("no screen")

    with pytest.raises(OSError, match="no screen"):
        _run(out=tmp_path / "out", on_result=show)
    assert _pictures(tmp_path / "out") == ["predictive.png", "swimmer.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_command_line_prints_the_table_before_it_draws(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom trialsim.workflows.run_result import Result\n"
        "def draw(self, folder, figures):\n    raise KeyboardInterrupt\n"
        "Result.draw = draw\n"
        "sys.argv = ['trialsim', 'run', 'tosi2000', '--replicates', '20', '--out', 'out']\n"
        "from trialsim.cli.main import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert "Published against simulated" in done.stdout
    assert "results digest" not in done.stdout  # that line says where pictures are
    assert "interrupted while pictures were drawn; the results are in out, without pictures" in done.stderr
    assert _pictures(tmp_path / "out") == []
    assert "Traceback" not in done.stderr
