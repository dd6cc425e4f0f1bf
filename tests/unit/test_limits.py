"""What is refused before any work starts."""

from __future__ import annotations

from pathlib import Path

import pytest

import trialsim as ts
from tests.trials import scenario_of, toxicity
from trialsim.config import protocol_of
from trialsim.errors import EventLogError
from trialsim.model import vocabulary
from trialsim.simulation.limits import expected_events


def test_a_toxicity_that_would_recur_without_end_is_refused() -> None:
    again = {"resolves": {"rate": "1000 /month", "shape": 0.1}, "recurs": True}
    endless = scenario_of(events={"nausea": toxicity("1000 /month", shape=0.1, **again)})
    with pytest.raises(ts.RequestError, match="it would recur every"):
        ts.run(endless, 1)
    often = scenario_of(events={"nausea": toxicity("20 /month", resolves={"rate": "20 /month"}, recurs=True)})
    assert ts.run(often, 1).replicates.n == 1


def test_a_toxicity_that_recurs_hundreds_of_times_a_day_is_refused(tosi2000: ts.Scenario) -> None:
    again = {
        "events.rash.rate": "1e4 /month",
        "events.rash.resolves": {"rate": "1e4 /month"},
        "events.rash.recurs": True,
    }
    often = tosi2000.with_changes(again)
    for verb in (ts.run, ts.trace):
        with pytest.raises(ts.RequestError, match="at most 10,000 in one patient"):
            verb(often)


def test_fewer_trials_are_kept_where_their_events_do_not_fit(
    tosi2000: ts.Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(vocabulary, "MAX_LOGGED_EVENTS", 10_000)
    found = ts.run(tosi2000, 40, keep=20, on_note=notes.append)
    whole = ts.run(tosi2000, 40, keep=2)
    assert 0 < found.patients["replicate"].max() == found.replicates.n_kept < 20
    assert any(f"events of {found.replicates.n_kept} trials are kept, not of 20" in text for text in notes)
    assert found.digest == whole.digest


def test_where_not_even_one_log_fits_the_outcomes_are_there_all_the_same(
    tosi2000: ts.Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "MAX_LOGGED_EVENTS", 1_000)
    found = ts.run(tosi2000, 10, keep=20, engine="batch")
    assert (found.replicates.n_kept, len(found.events), len(found.patients)) == (0, 0, 0)
    assert len(found.estimates) > 5
    assert (found.save(tmp_path / "out") / "manifest.json").is_file()


@pytest.mark.parametrize("engine", ["reference", "batch"])
def test_a_log_that_grows_too_long_ends_the_run_with_a_message(
    tosi2000: ts.Scenario, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """The number of events is only estimated before, so it is watched while a trial is simulated."""
    monkeypatch.setattr(vocabulary, "MAX_LOGGED_EVENTS", 100)
    monkeypatch.setattr("trialsim.workflows.run.trials_to_keep", lambda protocol, wanted: wanted)
    with pytest.raises(EventLogError, match="the event log of one trial"):
        ts.run(tosi2000, 2, keep=2, engine=engine)


@pytest.mark.slow
def test_the_number_of_events_is_estimated_from_above(tosi2000: ts.Scenario) -> None:
    for name in ts.builtin_names("scenarios"):
        found = ts.run(name, 10, keep=10, engine="batch")
        estimate = expected_events(protocol_of(found.scenario))
        assert found.events.groupby("replicate").size().max() <= estimate


def test_check_remarks_on_a_rate_at_which_an_event_comes_within_a_day(tosi2000: ts.Scenario) -> None:
    """A figure in percent that is written as a rate per month shows so."""
    (text,) = ts.check("tosi2000", {"events.rash.rate": "300 /month"})
    assert "WARNINGS" in text
    assert "events.rash.rate = 300 /month" in text
    assert "within a day for everyone" in text
    for name in ts.builtin_names("scenarios"):
        assert "within a day" not in ts.check(name)[0]
    assert "within a day" not in ts.check("tosi2000", {"events.rash.rate": "30 /month"})[0]
