"""The command line in terminals of any width, into streams of any kind, and again from a manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trialsim.report.streams import CLOSED_PIPE

pytestmark = pytest.mark.slow

RUN = ("run", "tosi2000", "--replicates", "20", "--engine", "reference")


def trialsim(
    *arguments: str,
    cwd: Path,
    stdout: int | None = subprocess.PIPE,
    encoding: str = "utf-8",
    columns: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding} | ({"COLUMNS": str(columns)} if columns else {})
    command = [sys.executable, "-m", "trialsim", *arguments]
    return subprocess.run(
        command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, env=environment, timeout=300, check=False
    )


@pytest.mark.parametrize(
    ("encoding", "arguments"),
    [
        ("ascii", RUN),
        ("cp1252", ("check", "tosi2000")),
        ("cp437", ("trace", "tosi2000", "--patient", "3")),
        ("latin-1", ("list",)),
        ("koi8-r", ("run", "--help")),
    ],
)
def test_every_encoding_gets_the_output(tmp_path: Path, encoding: str, arguments: tuple[str, ...]) -> None:
    done = trialsim(*arguments, cwd=tmp_path, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.decode(encoding)) > 200


def test_an_error_message_comes_in_plain_characters(tmp_path: Path) -> None:
    done = trialsim("run", "tosi2000", "--set", "treatment.every=2 → 3", cwd=tmp_path, encoding="ascii")
    assert done.returncode == 2
    assert b"2 -> 3" in done.stderr
    assert b"\\u" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [RUN, ("check", "tosi2000"), ("--help",), (*RUN, "--json")])
def test_a_full_output_is_said_and_the_results_are_there(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = trialsim(*arguments, cwd=tmp_path, stdout=full.fileno())
    assert done.returncode == 2
    assert b"standard output" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert (tmp_path / "results" / "tosi2000" / "manifest.json").is_file() == (arguments[0] == "run")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_closed_output_is_refused_before_work_starts_unless_nothing_is_to_be_printed(tmp_path: Path) -> None:
    line = f"{sys.executable} -m trialsim {' '.join(RUN)}"
    done = subprocess.run(["sh", "-c", f"{line} >&-"], cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert done.returncode == 2
    assert b"it is closed" in done.stderr
    assert not (tmp_path / "results").exists()
    quiet = subprocess.run(["sh", "-c", f"{line} --quiet >&- 2>&-"], cwd=tmp_path, timeout=300, check=False)
    assert quiet.returncode == 0
    assert (tmp_path / "results" / "tosi2000" / "manifest.json").is_file()


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes")
def test_a_closed_pipe_ends_without_a_word(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = trialsim("trace", "tosi2000", cwd=tmp_path, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, b"")


@pytest.mark.parametrize(
    "arguments", [RUN, (*RUN, "--details"), ("check", "tosi2000"), ("list",), ("trace", "tosi2000")]
)
def test_the_output_fits_the_terminal(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = trialsim(*arguments, cwd=tmp_path, columns=40)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.decode().splitlines())) <= 40


def test_the_first_screen_is_the_answer_and_details_show_the_rest(tmp_path: Path) -> None:
    short = trialsim(*RUN, cwd=tmp_path).stdout.decode()
    full = trialsim(*RUN, "--details", cwd=tmp_path).stdout.decode()
    assert len(short.splitlines()) <= 36
    assert len(full.splitlines()) > 60
    assert "screened patients" in full
    assert "screened patients" not in short  # the same in every trial
    for line in ("Other interpretations of the publication (7)", "Also measured", "--details"):
        assert line in short


def test_help_lists_the_commands_in_the_order_of_work(tmp_path: Path) -> None:
    for option in ("--help", "-h"):
        text = trialsim(option, cwd=tmp_path).stdout.decode()
        commands = [word for line in text.splitlines() for word in line.strip("│ ").split()[:1]]
        order = ["list", "check", "run", "trace", "calibrate", "compare", "size", "run-again"]
        assert [word for word in commands if word in order] == order
    assert trialsim("-v", cwd=tmp_path).stdout.startswith(b"trialsim ")
    assert b"--details" in trialsim("compare", "-h", cwd=tmp_path).stdout


def test_the_list_has_every_kind_with_a_title_each(tmp_path: Path) -> None:
    found = json.loads(trialsim("list", "--json", cwd=tmp_path).stdout)
    assert set(found) == {"scenarios", "strategies", "studies", "cohorts"}
    assert all(titles and all(titles.values()) for titles in found.values())
    text = trialsim("list", cwd=tmp_path).stdout.decode()
    assert all(name in text for titles in found.values() for name in titles)
    wrong = trialsim("list", "scenaros", cwd=tmp_path)
    assert wrong.returncode == 2
    assert b"Did you mean scenarios?" in wrong.stderr


def test_a_shell_completes_built_in_names_and_options(tmp_path: Path) -> None:
    def completed(words: str) -> set[str]:
        environment = {**os.environ, "_TRIALSIM_COMPLETE": "complete_bash", "COMP_WORDS": words,
                       "COMP_CWORD": str(len(words.split(" ")) - 1)}  # fmt: skip
        code = "import sys; sys.argv = ['trialsim']; from trialsim.cli.main import main; main()"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
                              env=environment, timeout=300, check=False)  # fmt: skip
        return set(done.stdout.split())

    assert completed("trialsim run tosi2000-") == {"tosi2000-even-ladder", "tosi2000-hold"}
    assert "compare_titration" in completed("trialsim compare comp")
    assert "--details" in completed("trialsim size --de")


def test_figures_come_in_the_formats_that_are_asked_for(tmp_path: Path) -> None:
    done = trialsim(*RUN, "--figures", "svg,pdf", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"swimmer.svg", "swimmer.pdf", "predictive.svg", "predictive.pdf"} <= names
    assert not any(name.endswith(".png") for name in names)
    assert trialsim(*RUN, "--out", "out", cwd=tmp_path).returncode == 0  # a folder with them may be replaced
    wrong = trialsim(*RUN, "--figures", "png,svgz", cwd=tmp_path)
    assert wrong.returncode == 2
    assert b"Did you mean svg?" in wrong.stderr


def test_a_manifest_is_run_again_and_another_digest_is_said(tmp_path: Path) -> None:
    assert trialsim(*RUN, "--out", "out", cwd=tmp_path).returncode == 0
    again = trialsim("run-again", "out", "--json", cwd=tmp_path)
    manifest = tmp_path / "out" / "manifest.json"
    data = json.loads(manifest.read_text())
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["results_digest"] == data["results_digest"]
    manifest.write_text(json.dumps({**data, "seed": 2}))
    other = trialsim("run-again", "out/manifest.json", "--quiet", cwd=tmp_path)
    assert other.returncode == 1
    assert b"that of the manifest" in other.stderr
    edits: list[dict[str, object]] = [{"command": "dance"}, {"scenario": []}, {"seed": "3"}]
    for wrong in edits:
        manifest.write_text(json.dumps({**data, **wrong}))
        done = trialsim("run-again", "out", cwd=tmp_path)
        assert done.returncode == 2, wrong
        assert b"Traceback" not in done.stderr
