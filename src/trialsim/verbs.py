"""The verbs of the command line as functions, in the order of a user's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from trialsim.analysis import Estimate, OtherReading, estimates, estimates_table, other_readings
from trialsim.config import Scenario, protocol_of, scenario_from_mapping
from trialsim.engines.reference import simulate
from trialsim.errors import ConfigurationError, Interrupted, Problem, RequestError
from trialsim.model import vocabulary as v
from trialsim.model.accrual import arrival_at_expected_count
from trialsim.model.draws import LARGEST_SEED
from trialsim.model.protocol import Protocol
from trialsim.montecarlo import Replicates, simulate_replicates
from trialsim.montecarlo.resume import earlier_replicates
from trialsim.records.digest import configuration_digest, results_digest
from trialsim.records.manifest import MANIFEST, Manifest, read_manifest
from trialsim.records.store import results_folder
from trialsim.records.tables import event_table, readable_events
from trialsim.report import describe, draw_figures

MOST_REPLICATES: Final = 10_000_000
MOST_COURSES: Final = 1_000_000_000
MOST_VISITS_PER_PATIENT: Final = 100_000
MOST_SCREENED: Final = 1_000_000
DEFAULT_REPLICATES: Final = 1000
DEFAULT_KEPT: Final = 20
ENGINE: Final = "reference"


@dataclass(frozen=True)
class Result:
    """What `run` gives; tables are pandas DataFrames.

    `estimates` (a row a quantity), `readings` (a row a figure under another reading), `outcomes` (a row a trial),
    `patients` and `events` (of the first trials), `digest`; `save(folder)` writes them.
    """

    scenario: Scenario
    seed: int
    replicates: Replicates
    seconds: float
    requested: int

    def __repr__(self) -> str:
        return f"Result({self.scenario.name!r}, replicates={self.replicates.n}, seed={self.seed})"

    @cached_property
    def protocol(self) -> Protocol:
        """The flat numbers that were simulated."""
        return protocol_of(self.scenario)

    @cached_property
    def estimate_list(self) -> list[Estimate]:
        """One estimate per quantity, published figures first."""
        return estimates(self.replicates.outcomes, self.scenario.figures, self.scenario.accrual.patients)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The same as a table; see `analysis.Estimate` for the columns."""
        return estimates_table(self.estimate_list)

    @cached_property
    def other_readings(self) -> list[OtherReading]:
        """The published figures under the readings that were not taken, held against the same trials."""
        cohort = self.scenario.cohort
        if cohort is None:
            return []
        n_planned = self.scenario.accrual.patients
        return other_readings(self.replicates.outcomes, cohort, self.scenario.readings, n_planned)

    @property
    def readings(self) -> pd.DataFrame:
        """The same as a table: ambiguity, reading, then the columns of `estimates`."""
        table = estimates_table(item.estimate for item in self.other_readings)
        table.insert(0, "ambiguity", [item.ambiguity for item in self.other_readings])
        table.insert(1, "reading", [item.reading for item in self.other_readings])
        return table

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row per replicate."""
        return self.replicates.outcomes

    @property
    def patients(self) -> pd.DataFrame:
        """One row per enrolled patient of the first replicates."""
        return self.replicates.patients

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row per event of the first replicates, in words."""
        return readable_events(self.replicates.events, self.protocol)

    @property
    def digest(self) -> str:
        """The digest of the results: equal for equal scenario, seed and number of replicates."""
        return results_digest(self.replicates.outcomes)

    def manifest(self) -> Manifest:
        """Everything needed to run it again."""
        configuration = self.scenario.to_mapping()
        return Manifest(
            verb="run",
            scenario=configuration,
            scenario_digest=configuration_digest(configuration),
            seed=self.seed,
            replicates=self.replicates.n,
            kept_replicates=self.replicates.n_kept,
            engine=ENGINE,
            results_digest=self.digest,
            seconds=round(self.seconds, 3),
            is_complete=self.replicates.n == self.requested,
        )

    def to_json(self) -> dict[str, Any]:
        """The estimates as plain data for `--json`; what does not exist is null."""
        rows = self.estimates.astype(object).where(self.estimates.notna(), None).to_dict(orient="records")
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "replicates": self.replicates.n,
            "engine": ENGINE,
            "results_digest": self.digest,
            "estimates": rows,
        }

    def save(self, destination: Path | str) -> Path:
        """Write the results folder, whole or not at all. Raises `DestinationError`."""
        destination = Path(destination)
        with results_folder(destination) as folder:
            (folder / "scenario.yaml").write_text(self.scenario.to_yaml(), encoding="utf-8")
            self.estimates.to_csv(folder / "estimates.csv", index=False)
            if self.other_readings:
                self.readings.to_csv(folder / "readings.csv", index=False)
            self.outcomes.to_parquet(folder / "replicates.parquet", index=False)
            self.patients.to_parquet(folder / "patients.parquet", index=False)
            self.events.to_parquet(folder / "events.parquet", index=False)
            draw_figures(folder, self.scenario, self.events, self.patients, self.outcomes, self.estimate_list)
            self.manifest().write(folder)
        return destination


def check(names: Sequence[str], changes: Mapping[str, Any] | None = None) -> list[str]:
    """A synopsis in plain language of each scenario, cohort or parameter set (YAML path or built-in name).

    Every file is read before any complaint: raises `ConfigurationError` with the problems of all of them.
    """
    texts: list[str] = []
    problems: list[Problem] = []
    for name in names:
        try:
            texts.append(describe(name, changes or {}))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return texts


def run(
    scenario: Scenario,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = 1,
    keep: int = DEFAULT_KEPT,
    on_progress: Callable[[int], None] = lambda done: None,
    resume: Path | str | None = None,
) -> Result:
    """Monte Carlo replicates of a scenario; patients and events are kept for the first `keep` of them.

    `resume` names a results folder of the same scenario and seed whose replicates are taken over; the result is equal
    to that of an undisturbed run. Raises `RequestError` for an impossible request before any work starts, and
    `Interrupted` on Ctrl-C, whose `finished` is the `Result` so far (or None).
    """
    check_request(scenario, replicates, seed, keep)
    started = time.perf_counter()
    protocol = protocol_of(scenario)
    before = None
    if resume is not None and (Path(resume) / MANIFEST).is_file():
        before = earlier_replicates(
            Path(resume), scenario.to_mapping(), protocol, seed, min(keep, replicates), replicates
        )
    try:
        done = simulate_replicates(protocol, seed, replicates, keep, on_progress, before)
    except Interrupted as stop:
        if isinstance(stop.finished, Replicates):
            stop.finished = Result(scenario, seed, stop.finished, time.perf_counter() - started, replicates)
        raise
    return Result(scenario, seed, done, time.perf_counter() - started, replicates)


def trace(scenario: Scenario, replicate: int = 1, seed: int = 1, patient: int | None = None) -> pd.DataFrame:
    """The event log of one replicate, in words; of one patient if asked for.

    It is the same log, to the bit, that a run with this seed has for this replicate.
    """
    check_request(scenario, 1, seed, 0)
    if not 1 <= replicate <= MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,}."
        raise RequestError(f"--replicate {replicate}", "this replicate is out of range.", allowed)
    protocol = protocol_of(scenario)
    events = readable_events(event_table([(replicate, simulate(protocol, seed, replicate))]), protocol)
    if patient is None:
        return events
    if patient not in set(events["patient"]):
        numbers = sorted(set(events["patient"]))
        allowed = f"a patient who was screened: {numbers[0]} to {numbers[-1]}." if numbers else "nobody was screened."
        raise RequestError(f"--patient {patient}", "there is no such patient in this replicate.", allowed)
    return events[events["patient"] == patient].reset_index(drop=True)


def run_again(manifest: Path | str, on_progress: Callable[[int], None] = lambda done: None) -> Result:
    """Run what a manifest describes; the digest of the results comes out equal."""
    found = read_manifest(Path(manifest))
    scenario = scenario_from_mapping(found.scenario, str(manifest))
    return run(scenario, found.replicates, found.seed, found.kept_replicates, on_progress)


def check_request(scenario: Scenario, replicates: int, seed: int, keep: int) -> None:
    """Refuse what is impossible or too large, before any work starts."""
    n_patients = scenario.accrual.patients
    if replicates < 1 or replicates > MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,}; 10,000 already give a proportion to 0.5 percentage points."
        raise RequestError(f"--replicates {replicates}", "this number of replicates is out of range.", allowed)
    if replicates * n_patients > MOST_COURSES:
        allowed = f"at most {MOST_COURSES:,} patient courses in all: {MOST_COURSES // n_patients:,} replicates."
        raise RequestError(f"--replicates {replicates}", f"with {n_patients:,} patients this is too much.", allowed)
    if not 0 <= seed <= LARGEST_SEED:
        raise RequestError(f"--seed {seed}", "this seed is out of range.", "a whole number from 0 to 2^64 - 1.")
    if keep < 0:
        raise RequestError(f"--keep {keep}", "this number of replicates is out of range.", "0 or more.")
    _check_visits(scenario)


def _check_visits(scenario: Scenario) -> None:
    """A trial whose visits or assessments outnumber any real one is a slip of the pen, and would not end."""
    protocol = protocol_of(scenario)
    cut_off, plan = protocol.cut_off, protocol.accrual
    screened = plan.n_patients / (1.0 - plan.p_ineligible)
    if screened > MOST_SCREENED:
        allowed = f"at most {MOST_SCREENED:,} screened."
        raise RequestError("accrual.ineligible", f"{screened:,.0f} would be screened in each trial.", allowed)
    last_entry = min(plan.window_days or plan.closes_day, expected_last_entry(protocol))
    horizon = {v.CUT_AT_DAY: cut_off.day, v.CUT_AFTER_COUNT: cut_off.latest_day}.get(
        cut_off.kind, cut_off.day + last_entry
    )
    for name, every in (
        ("treatment.every", protocol.visit_every_days),
        ("assessment.every", protocol.assessment_every_days),
    ):
        if every > 0.0 and horizon / every > MOST_VISITS_PER_PATIENT:
            allowed = f"at most {MOST_VISITS_PER_PATIENT:,} for one patient."
            raise RequestError(f"{name} = {every:g} days", f"that makes {horizon / every:,.0f} visits.", allowed)


def expected_last_entry(protocol: Protocol) -> float:
    """The calendar day by which as many arrivals are expected as patients are wanted (eligible or not)."""
    plan = protocol.accrual
    if plan.window_days > 0.0:
        return plan.window_days
    return arrival_at_expected_count(plan.n_patients / (1.0 - plan.p_ineligible), plan.starts, plan.rates)


def with_settings(scenario: Scenario, settings: Mapping[str, Any]) -> Scenario:
    """A scenario with the changes of `--set`, its name marked by them so that results do not overwrite each other."""
    if not settings:
        return scenario
    changed = scenario.with_changes(settings)
    if "name" in settings:
        return changed
    digest = configuration_digest(changed.to_mapping())
    return changed.with_changes({"name": f"{scenario.name}-{digest[:6]}"})
