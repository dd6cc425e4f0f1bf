"""The command `calibrate` for a study of several cohorts: one joint posterior of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd

from trialsim.calibration.diagnostics import SMALLEST_ESS, smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS
from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.joint.evidence import LogEvidence
from trialsim.calibration.joint.fitting import MOST_ROUNDS, JointFit, Simulated, fit_joint
from trialsim.calibration.joint.left_out import LeftOut, coverage_of, fit_without, left_out_table
from trialsim.calibration.joint.posterior import NEW_TRIAL, JointPosterior
from trialsim.calibration.model import REPLICATES
from trialsim.calibration.possible import check_possible
from trialsim.calibration.posterior import N_DRAWS
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.config.loading.calibration_studies import JointStudy, JointStudyLike, load_joint_study
from trialsim.records.tables import plain_mapping, plain_rows
from trialsim.report.run.figures import draw_joint_calibration_figures
from trialsim.simulation import ignore_stage
from trialsim.simulation.engine import BATCH
from trialsim.simulation.limits import check_calibration
from trialsim.simulation.workers import available_cores
from trialsim.storage.checkpoint import Checkpoint
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import CALIBRATE_STUDY
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

SIMULATED: Final = "simulated"
LEFT_OUT: Final = "left_out"


@dataclass(frozen=True)
class CalibratedStudy(CommandResult):
    """What `calibrate_study` gives; tables are pandas DataFrames.

    A scenario takes draws with `parameters: folder/posterior.parquet`, for a new trial, or
    `folder/posterior-NAME.parquet`, for the centre of one of the trials.

    Attributes
    ----------
    new_trial
        The draws for a trial that has not been seen: a row a draw, a column a parameter, in its unit.
    trial_tables
        The draws for the centre of each trial, by its name.
    posterior_summary
        A row a trial and parameter, in the parameter's unit.
    between_trials
        A row a family: its between-trial standard deviation, on the scale of the parameters' distribution.
    predictive
        A row a trial and published statistic: where it lies among simulated trials, with its Monte Carlo error.
    left_out
        With `leave_one_out`, a row a trial and published statistic, predicted from the other trials as of a new trial:
        percentile, intervals of 50, 80 and 90 % of trials, and whether the published statistic lies in them. None
        otherwise.
    coverage
        With `leave_one_out`, a row a family of statistics: how many of them lie in each interval. None otherwise.
    study
        The study, with the scenario of each cohort and the priors.
    posterior
        The draws of the joint vector, and what they are worth.
    evidence
        The natural logarithm of the evidence: how probable the published statistics are under form and priors.
    replicates
        How many simulated trials the likelihood of a trial at a point comes from.
    configuration
        What was asked, resolved, as plain data.
    scenario
        The published trial of the first cohort.
    seed
        The seed.
    workers
        How many threads there were.
    seconds
        How long it took, in seconds.
    """

    layout: ClassVar = CALIBRATE_STUDY

    study: JointStudy
    posterior: JointPosterior
    replicates: int
    left_out: pd.DataFrame | None = None

    @property
    def coverage(self) -> pd.DataFrame | None:
        """See `coverage_of`."""
        return None if self.left_out is None else coverage_of(self.left_out)

    @property
    def new_trial(self) -> ParameterTable:
        """The draws for a new trial."""
        return self.posterior.new_trial

    @property
    def trial_tables(self) -> dict[str, ParameterTable]:
        """The draws for the centre of each trial, by its name."""
        return self.posterior.trial_tables

    @property
    def posterior_summary(self) -> pd.DataFrame:
        """See `JointPosterior.summary`."""
        return self.posterior.summary

    @property
    def between_trials(self) -> pd.DataFrame:
        """See `JointPosterior.between_trials`."""
        return self.posterior.between_trials

    @cached_property
    def predictive(self) -> pd.DataFrame:
        """See `JointPosterior.predictive`."""
        return self.posterior.predictive

    @property
    def evidence(self) -> LogEvidence:
        """The logarithm of the evidence of the published statistics, to compare studies of the same ones."""
        return self.posterior.fit.evidence

    @property
    def digest(self) -> str:
        """What tells these draws from any others."""
        return self.posterior.digest

    def provenance(self) -> dict[str, Any]:
        """The entries of the manifest that only a joint calibration has."""
        fit = self.posterior.fit
        return {
            "seed_of_draws": fit.model.trials[0].simulator.seed,
            "replicates": self.replicates,
            "draws": len(fit.draws),
            "posterior_digest": self.digest,
            "largest_r_hat": float(fit.diagnostics["r_hat"].max()),
            "smallest_ess": min(fit.ess, smallest_ess_of(fit.diagnostics)),
            "log_evidence": fit.evidence.value,
            "log_evidence_mcse": fit.evidence.mcse,
        }

    def to_json(self) -> dict[str, Any]:
        """The tables as plain data for `--json`."""
        names = ("posterior_summary", "between_trials", "predictive", "left_out", "coverage")
        tables = {name: getattr(self, name) for name in names}
        return plain_mapping(
            {"study": self.study.study.name, "seed": self.seed, **self.provenance()}
            | {name: plain_rows(table) if table is not None else None for name, table in tables.items()}
        )

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw what differs between trials, and the published statistics among simulated trials."""
        tables = (self.posterior_summary, self.between_trials, self.predictive)
        title = self.study.study.title
        draw_joint_calibration_figures(folder, figures, title, *tables, NEW_TRIAL, self.left_out)


def calibrate_study(
    study: JointStudyLike,
    seed: int = 1,
    *,
    draws: int = N_DRAWS,
    replicates: int = REPLICATES,
    leave_one_out: bool = False,
    workers: int | None = None,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_stage: OnStage = ignore_stage,
    on_note: OnNote = ignore_note,
    on_result: OnResult = ignore_result,
) -> CalibratedStudy:
    """The joint posterior of several published trials.

    Parameters
    ----------
    study
        The study: YAML path, built-in name, mapping, or loaded. A list of cohorts (paths or built-in names) is the
        study that `trialsim calibrate COHORT COHORT …` makes of them.
    seed
        Decides every random number of the fit; 0 to 2^64 - 1.
    draws
        How many draws of the parameters to keep.
    replicates
        How many simulated trials the likelihood of a trial at a point comes from.
    leave_one_out
        Leave each trial out in turn and predict it from the others.
    workers
        How many threads; by default as many as there are cores. It changes no result.
    out
        The folder to write results to; while the work lasts, what is finished is kept beside it. None writes nothing.
    figures
        Formats of the pictures: png, svg, pdf; none for no pictures; an empty sequence draws none.
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
    CalibratedStudy
        Draws for the centre of each trial and for a new trial, and how much trials differ.

    Raises
    ------
    ConfigurationError
        For a study, cohort or scenario that cannot be read, or cannot be calibrated.
    RequestError
        Where the emulated likelihood stays too far from the simulated one.
    Interrupted
        On Ctrl-C; what has been simulated is kept beside `out`.
    """
    check_calibration(seed, draws, SMALLEST_ESS, MOST_STEPS, replicates, workers)
    job = Job(out, figures, overwrite, on_stage, on_note, on_result)
    joint = load_joint_study(study)
    model = joint_model_of(joint, replicates)
    n_workers = workers if workers is not None else available_cores()
    configuration = {"command": CALIBRATE_STUDY.command, "study": joint.to_mapping()}
    with job.locked(configuration) as checkpoint, remembered_ctrl_c() as check_ctrl_c:
        wanted = len(model.trials) * (MOST_ROUNDS + 2)

        def on_simulated(simulated: Simulated, number: int) -> None:
            checkpoint.write(SIMULATED, simulated.arrays())
            on_progress(sum(len(trials) for trials in simulated.scores), wanted)
            check_ctrl_c()

        job.compile(BATCH)
        for trial in model.trials:
            check_possible(trial, n_workers)
        request = {"calibrate study": configuration["study"], "seed": seed, "draws": draws, "replicates": replicates}
        checkpoint.begin_or_resume(request, resume)
        with job.interruptible(lambda: "interrupted while calibrating"):
            on_stage("calibrating together", "rounds of trials")
            stored = checkpoint.read(SIMULATED)
            simulated = Simulated.of_arrays(stored) if stored is not None else Simulated()
            fit = fit_joint(model, seed, draws, n_workers, simulated, on_simulated)
            left = None
            if leave_one_out:
                on_stage("predicting each trial from the others", "trials")
                left = _each_left_out(fit, simulated, n_workers, checkpoint, on_progress, check_ctrl_c)
            first = next(iter(joint.scenarios.values()))
            posterior = JointPosterior(fit, joint.study.name)
            result = CalibratedStudy(
                configuration, first, seed, n_workers, job.seconds, joint, posterior, replicates, left
            )
            on_stage("predicting the published statistics", "")
            job.finish(result)
    return result


def _each_left_out(
    fit: JointFit,
    simulated: Simulated,
    workers: int,
    checkpoint: Checkpoint,
    on_progress: OnProgress,
    check_ctrl_c: Callable[[], None],
) -> pd.DataFrame:
    """Each trial predicted from the others; those that are finished are kept."""
    results: dict[int, LeftOut] = {}
    for j in range(len(fit.model.trials)):
        stored = checkpoint.read(f"{LEFT_OUT}.{j}")
        if stored is not None:
            results[j] = LeftOut(stored["draws"], float(stored["ess"][0]))
        else:
            results[j] = fit_without(fit, simulated, j, workers, check_ctrl_c)
            checkpoint.write(f"{LEFT_OUT}.{j}", {"draws": results[j].draws, "ess": np.array([results[j].ess])})
        on_progress(j + 1, len(fit.model.trials))
        check_ctrl_c()
    return left_out_table(fit.model, results, fit.seed)
