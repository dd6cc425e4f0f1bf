"""The command `calibrate`, and what it gives: the posterior, its summary, whether it reproduces the cohort.

Apart from the other commands because it needs the compiler, for which `check` and `trace` do not wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from trialsim.analysis import Estimate
from trialsim.calibration.checkpoint import (
    LEFT_OUT,
    VARIANTS,
    prior_draws_of,
    priors_of,
    read_chains,
    read_rounds,
    read_rows,
    request_of,
    write_chains,
    write_rounds,
    write_rows,
)
from trialsim.calibration.diagnostics import SMALLEST_ESS, smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS, ConvergenceCriteria, fit
from trialsim.calibration.importance import ImportanceSample
from trialsim.calibration.left_out import left_out as each_left_out
from trialsim.calibration.left_out import sample_without_each
from trialsim.calibration.model import REPLICATES, Calibration, calibration_of
from trialsim.calibration.possible import check_possible
from trialsim.calibration.posterior import N_DRAWS, Posterior
from trialsim.calibration.predictive import measured, predictive_estimates, predictive_table, simulated
from trialsim.calibration.sampling import STEPS_IN_LEG, Chains
from trialsim.calibration.sensitivity import sensitivity as sensitivity_of
from trialsim.config import Scenario, load_published_trial, protocol_of
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.config.calibrated.prior_draws import PriorLike
from trialsim.config.calibrated.resolve import is_filled_in
from trialsim.config.loading.scenarios import CohortLike, read_cohort, unused_priors
from trialsim.config.source.yaml import Places, dump_yaml
from trialsim.endpoints.measured_trials import MeasuredTrials
from trialsim.endpoints.published_checks import check_cohort
from trialsim.records.tables import plain_mapping, plain_rows
from trialsim.report.run.figures import draw_calibration_figures
from trialsim.simulation import ignore_stage
from trialsim.simulation.engine import BATCH
from trialsim.simulation.limits import check_calibration
from trialsim.simulation.workers import available_cores
from trialsim.storage.checkpoint import Checkpoint
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import CALIBRATE, DRAWS_FILE
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.workflows.given_prior import given_prior, notes_on_prior
from trialsim.workflows.job import (
    Job,
    OnNote,
    OnProgress,
    OnResult,
    OnStage,
    ignore_note,
    ignore_progress,
    ignore_result,
    remembered_ctrl_c,
)
from trialsim.workflows.result import CommandResult


@dataclass(frozen=True)
class Calibrated(CommandResult):
    """What `calibrate` gives; tables are pandas DataFrames, and `save(folder)` writes them.

    A scenario takes the draws with `parameters: folder/posterior.parquet`.

    Attributes
    ----------
    draws
        A row a draw, a column a parameter, in its unit.
    posterior_summary
        A row a parameter.
    correlations
        Pairs of parameters that the cohort ties together.
    principal_components
        The principal components of the posterior.
    predictive
        A row a published statistic: where it lies among trials under the posterior.
    left_out
        Each published statistic predicted from the others; None where that was not asked for.
    sensitivity
        The posterior under other assumptions; None where that was not asked for.
    prior_draws
        The draws that were the prior; None where the parameter set alone was.
    cohort
        The name of the cohort.
    posterior
        The posterior with the fit that it comes from.
    configuration
        What was asked, resolved, as plain data.
    scenario
        The published trial.
    seed
        The seed.
    workers
        How many threads or processes did the work.
    seconds
        How long it took, in seconds.
    digest
        The digest of the draws, which tells them from any others.
    """

    layout: ClassVar = CALIBRATE

    cohort: str
    posterior: Posterior
    left_out: pd.DataFrame | None = None
    sensitivity: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return f"Calibrated({self.cohort!r}, draws={self.posterior.n_draws}, seed={self.seed})"

    @property
    def draws(self) -> pd.DataFrame:
        """One row a draw, one column a parameter, in its unit."""
        return pd.DataFrame(self.posterior.table.values, columns=list(self.posterior.table.names))

    @property
    def posterior_summary(self) -> pd.DataFrame:
        """The posterior summary of each parameter; see `Posterior.summary`."""
        return self.posterior.summary

    @property
    def correlations(self) -> pd.DataFrame:
        """Pairs of parameters that the cohort ties together."""
        return self.posterior.correlations

    @property
    def principal_components(self) -> pd.DataFrame:
        """The principal components of the posterior; see `Posterior.principal_components`."""
        return self.posterior.principal_components

    @cached_property
    def store(self) -> ReplicateStore:
        """Trials under the posterior, one row each."""
        return simulated(self.posterior.fit.calibration, self.posterior.scores, self.seed)

    @cached_property
    def trials(self) -> MeasuredTrials:
        """The same, with what published statistics need of their patients."""
        return measured(self.posterior.fit.calibration, self.posterior.scores, self.store, self.seed)

    @cached_property
    def estimate_list(self) -> list[Estimate]:
        """The published statistics, and everything else that is measured, in these trials."""
        return predictive_estimates(self.posterior.fit.calibration, self.trials)

    @cached_property
    def predictive(self) -> pd.DataFrame:
        """Where each published statistic lies among trials under the posterior; see `predictive_table`."""
        return predictive_table(self.estimate_list)

    @property
    def table(self) -> ParameterTable:
        """The draws as scenarios take them."""
        return self.posterior.table

    @property
    def prior_draws(self) -> ParameterTable | None:
        """The draws that were the prior; None where the parameter set alone was."""
        return self.posterior.fit.calibration.prior_draws

    @property
    def digest(self) -> str:
        """What tells these draws from any others."""
        return self.table.digest

    @property
    def yaml(self) -> str:
        """The published trial with these draws for its parameters, to stand beside the file of draws."""
        data = self.scenario.to_mapping()
        named = self.scenario.parameters.calibrated_to
        values = {name: value for name, value in data["parameters"]["values"].items() if not is_filled_in(value)}
        data["parameters"] = {"use": "calibrated", "calibrated_to": named, "draws": DRAWS_FILE, "digest": self.digest,
                              "values": values}  # fmt: skip
        return dump_yaml(data)

    def provenance(self) -> dict[str, Any]:
        """The entries of the manifest that only a calibration has."""
        fit = self.posterior.fit
        return {
            "seed_of_draws": fit.calibration.simulator.seed,
            "replicates": fit.calibration.simulator.n_trials,
            "ensembles": fit.chains.kept.shape[1],
            "steps": len(fit.chains.scores) * STEPS_IN_LEG,
            "draws": self.posterior.n_draws,
            "posterior_digest": self.digest,
            "largest_r_hat": float(fit.diagnostics["r_hat"].max()),
            "smallest_ess": smallest_ess_of(fit.diagnostics),
            "acceptance": float(pd.Series(fit.chains.accepted).mean()),
        }

    def to_json(self) -> dict[str, Any]:
        """The tables as plain data for `--json`; what does not exist is null."""
        diagnostics = self.posterior.fit.diagnostics
        tables = {
            "posterior_summary": self.posterior_summary, "correlations": self.correlations,
            "principal_components": self.principal_components,
            "predictive": self.predictive, "left_out": self.left_out, "sensitivity": self.sensitivity,
        }  # fmt: skip
        data = {
            "cohort": self.cohort,
            "scenario": self.scenario.name,
            "seed": self.seed,
            "draws": self.posterior.n_draws,
            "posterior_digest": self.digest,
            "prior": prior_draws_of(self.posterior.fit.calibration) or None,
            "largest_r_hat": float(diagnostics["r_hat"].max()),
            "smallest_ess": smallest_ess_of(diagnostics),
            **{name: plain_rows(table) for name, table in tables.items() if table is not None},
        }
        return plain_mapping(data)

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw priors and posteriors, the published statistics among simulated trials, and what else was asked for."""
        draw_calibration_figures(
            folder,
            figures,
            self.scenario,
            self.posterior_summary,
            self.posterior.marginal_scores,
            self.trials,
            self.estimate_list,
            self.predictive,
            self.left_out,
            self.sensitivity,
        )


def calibrate(
    cohort: CohortLike | Scenario,
    changes: Mapping[str, Any] | None = None,
    seed: int = 1,
    *,
    prior: PriorLike | None = None,
    draws: int = N_DRAWS,
    min_ess: float = SMALLEST_ESS,
    most_steps: int = MOST_STEPS,
    replicates: int = REPLICATES,
    workers: int | None = None,
    leave_one_out: bool = False,
    sensitivity: bool = False,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_stage: OnStage = ignore_stage,
    on_note: OnNote = ignore_note,
    on_result: OnResult = ignore_result,
) -> Calibrated:
    """The posterior of the parameters of a published trial, given its cohort.

    Parameters
    ----------
    cohort
        A cohort (YAML path, built-in name, mapping, or loaded), or the published trial itself: a scenario that names
        the cohort to compare with.
    changes
        Values of the scenario by dotted key, which take the place of those of the file
        (`{"interpretations.rash": "six"}`).
    seed
        Decides every move of the chains and, with its address, every draw of the simulated trials; 0 to 2^64 - 1.
    prior
        Draws of parameters that are the prior, in place of that of the parameter set: a posterior of earlier trials
        (results folder, parquet or CSV file, built-in name such as `salvage`, or a table, such as `result.table` or
        `study_result.new_trial`). They give their marginal distributions and, by a Gaussian copula, their dependence;
        parameters that they lack keep the prior of the parameter set. `sensitivity` then multiplies the widths of
        their normal scores.
    draws
        How many draws of the parameters to keep.
    min_ess
        The effective sample size that every parameter must reach, in the bulk and in the tails. R-hat must be at most
        1.01 (Vehtari et al. 2021).
    most_steps
        The largest number of steps of a walker.
    replicates
        How many simulated trials the likelihood at a point comes from.
    workers
        How many threads; by default as many as there are cores. It changes no result.
    leave_one_out
        Also predict each published statistic from the others.
    sensitivity
        Also calibrate anew under every other interpretation of the cohort and other widths of the priors.
    out
        The folder to write results to; while the work lasts, what is finished is kept beside it. None writes nothing.
    figures
        Formats of the pictures: one or several of png, svg, pdf; an empty sequence draws none.
    resume
        Go on with the unfinished work beside `out`.
    overwrite
        Replace results of another configuration in `out`; they are refused otherwise.
    on_progress
        Called with how much is done and how much there will be.
    on_stage
        Called with the name of each part of the work as it begins, and its unit.
    on_note
        Called with what a user should know.
    on_result
        Called with the result before its folder is written and its pictures are drawn.

    Returns
    -------
    Calibrated
        The draws, their summary, and where each published statistic lies among trials under them.

    Raises
    ------
    ConfigurationError
        For a cohort or scenario that cannot be read, or cannot be calibrated.
    RequestError
        For an impossible request, for draws that cannot be the prior, or for chains that have not converged after
        `most_steps`.
    DestinationError
        For a folder `out` that cannot be written or replaced, that another process writes, or that cannot be resumed.
    Interrupted
        On Ctrl-C; what has been sampled is kept beside `out`.
    """
    check_calibration(seed, draws, min_ess, most_steps, replicates, workers)
    job = Job(out, figures, overwrite, on_stage, on_note, on_result)
    (scenario, cohort_places), prior_draws = _published_trial(cohort, changes or {}), given_prior(prior)
    for warning in scenario.warnings:
        on_note(f"warning: {warning}")
    for problem in unused_priors(scenario):
        on_note(f"warning: {problem}")
    calibration = calibration_of(scenario, replicates=replicates, prior_draws=prior_draws, cohort_places=cohort_places)
    for note in notes_on_prior(prior, calibration):
        on_note(note)
    name = scenario.cohort.name if scenario.cohort is not None else str(cohort)
    n_workers = workers if workers is not None else available_cores()
    configuration = {"command": CALIBRATE.command, "cohort": name, "scenario": calibration.scenario.to_mapping(),
                     "priors": priors_of(calibration), "prior": prior_draws_of(calibration)}  # fmt: skip
    asked = (configuration, calibration.scenario, seed, n_workers)
    with job.locked(configuration) as checkpoint, remembered_ctrl_c() as check_ctrl_c:

        def progress(done: int, wanted: int) -> None:
            on_progress(done, wanted)
            check_ctrl_c()

        def on_leg(chains: Chains, wanted: int) -> None:
            write_chains(checkpoint, chains)
            progress(chains.n_legs, wanted)

        job.compile(BATCH)
        check_possible(calibration, n_workers, cohort_places)
        checkpoint.begin_or_resume({"calibrate": request_of(calibration, seed)}, resume)
        with job.interruptible(lambda: "interrupted while calibrating"):
            on_stage("sampling the posterior", f"legs of {STEPS_IN_LEG} steps")
            criteria = ConvergenceCriteria(min_ess, most_steps)
            fitted = fit(calibration, seed, n_workers, criteria, read_chains(checkpoint), on_leg)
            calibrated = Calibrated(*asked, 0.0, name, Posterior(fitted, draws))
            how = (seed, n_workers, most_steps, checkpoint, progress, on_stage)
            left = _left_out(calibration, *how) if leave_one_out else None
            moved = _sensitivity(scenario, prior_draws, *how) if sensitivity else None
            on_stage("summarising", "")
        calibrated = replace(calibrated, seconds=job.seconds, left_out=left, sensitivity=moved)
        job.finish(calibrated)
    return calibrated


def _left_out(
    calibration: Calibration,
    seed: int,
    n_workers: int,
    most_steps: int,
    checkpoint: Checkpoint,
    on_progress: OnProgress,
    on_stage: OnStage,
) -> pd.DataFrame:
    """Each statistic predicted from the others; rounds of draws and predictions are stored as they are finished."""

    def on_round(sample: ImportanceSample) -> None:
        write_rounds(checkpoint, sample)

    on_stage("drawing parameters without each statistic", "draws")
    sample = sample_without_each(calibration, seed, n_workers, read_rounds(checkpoint), on_round, on_progress)
    on_stage("predicting each statistic from the others", "statistics")

    def on_statistic(rows: list[dict[str, Any]], done: int, wanted: int) -> None:
        write_rows(checkpoint, LEFT_OUT, rows)
        on_progress(done, wanted)

    return each_left_out(
        calibration, sample, seed, n_workers, most_steps, read_rows(checkpoint, LEFT_OUT), on_statistic
    )


def _sensitivity(
    scenario: Scenario,
    prior_draws: ParameterTable | None,
    seed: int,
    n_workers: int,
    most_steps: int,
    checkpoint: Checkpoint,
    on_progress: OnProgress,
    on_stage: OnStage,
) -> pd.DataFrame:
    """The sensitivity analysis, each variant stored as it is finished."""
    on_stage("calibrating under other assumptions", "assumptions")

    def on_variant(rows: list[dict[str, Any]], done: int, wanted: int) -> None:
        write_rows(checkpoint, VARIANTS, rows)
        on_progress(done, wanted)

    return sensitivity_of(
        scenario, seed, n_workers, most_steps, read_rows(checkpoint, VARIANTS), on_variant, prior_draws
    )


def _published_trial(cohort: CohortLike | Scenario, changes: Mapping[str, Any]) -> tuple[Scenario, Places | None]:
    """The scenario that is calibrated, and where each key of its cohort is from, as far as that is known."""
    if isinstance(cohort, Scenario):
        return cohort.with_changes(changes) if changes else cohort, None
    scenario = load_published_trial(cohort, changes)
    published, places, _ = read_cohort(cohort)
    check_cohort(published, protocol_of(scenario), places)  # here, where the lines of its file are known
    return scenario, places
