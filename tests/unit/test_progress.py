"""Progress names stage and unit, and never shows what it does not know."""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Callable

import pytest
from rich.progress import Progress

import trialsim as ts
from trialsim.report.progress import Display, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In place of standard error; not a fixture, because pytest puts its own there before the test begins."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("TERM", "xterm")
    return found


def shown(display: Display, terminal: Terminal) -> str:
    bar: Progress = display.bar  # type: ignore[attr-defined]
    before = len(terminal.getvalue())
    bar.refresh()
    return terminal.getvalue()[before:]


def test_before_something_is_counted_there_is_a_spinner_and_no_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with progress() as display:
        display.begin_stage("compiling")
        text = shown(display, terminal)
    assert "compiling" in text
    assert "0:00" in text
    assert "0/1" not in text
    assert "-:--" not in text
    assert "left" not in text


def test_a_stage_and_its_unit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with progress() as display:
        display.begin_stage("searching for n", "trials")
        display.advance(2_000, 10_000)
        text = shown(display, terminal)
        display.begin_stage("writing results")
        later = shown(display, terminal)
    assert "searching for n" in text
    assert "2,000 of 10,000 trials" in text
    assert "writing results" in later
    assert "trials" not in later


@pytest.mark.parametrize("is_hidden", [True, False])
def test_nothing_is_shown_when_hidden_or_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch, is_hidden: bool) -> None:
    stream = Terminal() if is_hidden else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(is_hidden) as display:
        display.begin_stage("simulating", "trials")
        display.advance(1, 2)
    assert stream.getvalue() == ""


class ZMQInteractiveShell:
    """What a notebook has as `get_ipython()`, told by the name of its class."""


def test_a_notebook_gets_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    with progress() as display:
        display.begin_stage("simulating", "trials")
        display.advance(100, 100)
    text = stream.getvalue()
    assert "\rsimulating: 100 of 100 trials, 0:00" in text
    assert text.count("\n") == 1


@pytest.mark.slow
def test_the_verbs_name_their_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)
    monkeypatch.setattr("trialsim.design.job.CHECK_TRIALS", 10_000)
    stages: list[tuple[str, str]] = []

    def collect() -> Callable[[str, str], None]:
        stages.clear()
        return lambda name, unit: stages.append((name, unit)) if name != "compiling" else None

    ts.run(ts.load_scenario("tosi2000"), 3, on_stage=collect())
    assert stages == [("simulating", "trials")]
    ts.size("bryant_day", {"largest_n": 60}, 200, on_stage=collect())
    assert ("checking the exact design", "trials") in stages
    assert stages[-1] == ("simulating the conduct", "trials")


def test_what_is_printed_while_it_pauses_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = a_terminal(monkeypatch)
    with progress() as display:
        with display.paused():
            print("the table")
        display.begin_stage("drawing pictures")
        assert "drawing pictures" in shown(display, terminal)
    assert capsys.readouterr().out == "the table\n"
    assert "the table" not in terminal.getvalue()
