"""The command `analyse`: what a trial that was conducted says, by the design that it was planned with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trialsim.config.loading.comparisons import StudyLike
from trialsim.config.loading.size_studies import Sizing, load_sizing, located
from trialsim.config.schema.plain_times import STRATIFIED, rho_gamma_of
from trialsim.config.schema.size_study import CALIBRATED, MODELLED, SizeStudy
from trialsim.design.base import Information, PlannedDesign
from trialsim.design.counts import CountDesign
from trialsim.design.plain import PlainCalendar, plan
from trialsim.design.preparation import prepare_study
from trialsim.design.registry import design_of
from trialsim.design.theory.arguments import check_probability
from trialsim.design.time_to_event.decisions import EventDecisions, MarginDecisions, with_margin
from trialsim.design.time_to_event.one_sample_logrank import decisions_of
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions, zone_of
from trialsim.design.time_to_event.rmst import restricted_mean_decisions
from trialsim.design.two_arms.boundaries import bounds_of
from trialsim.errors import RequestError
from trialsim.inference.adjusted import Responses, compared_of, with_covariates
from trialsim.inference.analyses import analyse_counts, default_confidence
from trialsim.inference.data import (
    Covariates,
    arms_of,
    columns_of_strata,
    counted,
    counts_at_looks,
    read_patients,
    responses_of,
    times_of,
)
from trialsim.inference.reestimated import analyse_reestimated
from trialsim.inference.result import Analysed
from trialsim.inference.subgroups import subgroups_of_rates, subgroups_of_times, with_subgroups
from trialsim.inference.survival_margins import analyse_margin
from trialsim.inference.times import Times, analyse_one_arm, analyse_restricted_means, analyse_two_arms
from trialsim.records.tables import plain_rows
from trialsim.simulation.engine import BATCH
from trialsim.workflows.designs.trial_design import TrialDesign

REPLICATES = 1000  # of a design whose alternative is what the model says; what it decides does not depend on them
Data = Mapping[str, Any] | pd.DataFrame | Path | str


@dataclass(frozen=True)
class Analysis:
    """What a trial says; tables are pandas DataFrames.

    Attributes
    ----------
    table
        A row for each statement: `quantity`, `value`, `lower`, `upper` (the interval), `p_value`, `method`; missing
        where there is none.
    decision
        What the design decides.
    remarks
        What must be known before the numbers are read.
    confidence
        The confidence level of the intervals.
    """

    analysed: Analysed = field(repr=False)
    confidence: float

    @property
    def table(self) -> pd.DataFrame:
        """The statements as a table."""
        return self.analysed.table

    @property
    def decision(self) -> str:
        """What the design decides."""
        return self.analysed.decision

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be known before the numbers are read."""
        return self.analysed.remarks

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data; what is missing or infinite is null."""
        return {
            "decision": self.decision, "confidence": self.confidence, "estimates": plain_rows(self.table),
            "remarks": list(self.remarks),
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{self.decision}\n{self.table.to_string(index=False)}"


def analyse(
    design: TrialDesign | Sizing | StudyLike,
    data: Data,
    *,
    confidence: float | None = None,
    adjust: Sequence[str] = (),
    strata: Sequence[str] = (),
    subgroups: Sequence[str] = (),
    earlier: Sequence[tuple[int, float]] = (),
) -> Analysis:
    """What a trial says that was conducted with a design: the decision, estimates, p-values and intervals.

    After two stages and after looks, estimates and intervals allow for the chance to stop early: the unbiased estimate
    (Jung and Kim 2004), the stagewise ordering (Koyama and Chen 2008; Tsiatis, Rosner and Mehta 1984). Attained numbers
    may differ from the planned ones.

    Parameters
    ----------
    design
        A design from a plain function (`trialsim.design.simon(…)`), or a study of size.
    data
        Counts, `{"patients": [19, 54], "responses": [5, 21]}`: of all patients so far at each look that was taken; of
        several arms by name. Or a table of patients: a DataFrame, or a CSV or parquet file; see docs/guide/analyse.md.
    confidence
        The confidence level of the intervals; by default one minus alpha of a two-sided test, one minus twice that of a
        one-sided one.
    adjust
        Covariates of two arms, columns of the table: of Cox's model, or of a logistic regression.
    strata
        What two arms are stratified by, columns of the table: the log-rank test and Cox's model, or the test of
        Cochran, Mantel and Haenszel with its common effects.
    subgroups
        Columns of the table in whose levels the effect of two arms is estimated, each with a test of interaction.
    earlier
        Of times to events, the interim looks that were taken: (events, log-rank z) of each, z positive where the
        experimental arm does better.

    Returns
    -------
    Analysis
        The decision and a table of estimates.

    Raises
    ------
    ConfigurationError
        For a study that cannot be read.
    RequestError
        For data that the design cannot have.
    """
    study, planned, places = _design_of(design)
    level = confidence if confidence is not None else default_confidence(study)
    check_probability("confidence", level)
    covariates = Covariates(tuple(adjust), tuple(strata), tuple(subgroups))
    try:
        if isinstance(planned, CountDesign):
            _refuse(("earlier", earlier))
            analysed = _of_counts(planned, study, data, level, covariates)
        else:
            analysed = _of_times(study, data, level, covariates, earlier)
    except RequestError as error:
        raise (located(error, places, of_study_only=True) if places is not None else error) from None
    return Analysis(analysed, level)


def _design_of(given: TrialDesign | Sizing | StudyLike) -> tuple[SizeStudy, PlannedDesign | None, Sizing | None]:
    """The study, its design (None where only its looks matter), and the study as it was loaded."""
    if isinstance(given, TrialDesign):
        return given.study, given.planned, None
    sizing = load_sizing(given)
    study = sizing.study
    if design_of(study).information is not Information.PATIENTS:
        return study, None, sizing
    has_numbers = study.alternative not in (CALIBRATED, MODELLED, None) or study.rates
    if has_numbers:
        return study, plan(study, PlainCalendar()), sizing
    return study, prepare_study(sizing, BATCH, 1, REPLICATES).design, sizing


def _of_counts(
    planned: CountDesign, study: SizeStudy, data: Data, confidence: float, covariates: Covariates
) -> Analysed:
    """Counts by look: those that are given, or those of a table of patients, which may have covariates and strata."""
    compared = compared_of(planned) if covariates.names else None
    arms = tuple(study.variants)
    if isinstance(data, Mapping):
        if compared is not None:
            raise RequestError("data", "counts have no covariates and no strata.", "a table of patients.", key="data")
        return analyse_counts(planned, counted(data, arms), confidence)
    table = data if isinstance(data, pd.DataFrame) else read_patients(data)
    within = study.endpoint.within.value if study.endpoint.within is not None else None
    responded, arm = responses_of(table, within, study.counts_all), arms_of(table, arms)
    counts = counts_at_looks(table, responded, arm, max(1, len(arms)), planned.decisions.looks)
    analysed = analyse_counts(planned, counts, confidence)
    if compared is None:
        return analysed
    known = ~np.isnan(responded)
    covariates.check(table[known])
    responses = Responses(responded[known] == 1.0, arm[known] == 1, table[known])
    more = with_covariates(analysed, compared, responses, confidence, covariates.adjust, covariates.strata)
    return with_subgroups(more, subgroups_of_rates(responses, covariates.subgroups, confidence))


def _of_times(
    study: SizeStudy, data: Data, confidence: float, covariates: Covariates, earlier: Sequence[tuple[int, float]]
) -> Analysed:
    """Times to events of one arm or of two."""
    if isinstance(data, Mapping):
        raise RequestError("data", "counts have no times to events.", "a table of patients.", key="data")
    table = data if isinstance(data, pd.DataFrame) else read_patients(data)
    names = tuple(study.variants)
    covariates.check(table)
    days, events = times_of(table, str(study.endpoint.of) == "survival")
    times = Times(days, np.asarray(events, np.bool_), arms_of(table, names), names or ("all patients",), table)
    adjust, strata, subgroups = covariates.adjust, covariates.strata, covariates.subgroups
    if study.test == STRATIFIED and not strata:
        strata = columns_of_strata(table, study.allocation.strata)
    if len(names) < 2:
        _refuse(("adjust", adjust), ("strata", strata), ("subgroups", subgroups), ("earlier", earlier))
        return analyse_one_arm(times, decisions_of(study), confidence)
    if study.until is not None:
        _refuse(
            ("adjust", adjust), ("strata", strata), ("subgroups", subgroups), ("earlier", earlier),
            of="the log-rank test",
        )  # fmt: skip
        return analyse_restricted_means(times, restricted_mean_decisions(study), confidence)
    decisions = _event_decisions(study, earlier)
    if isinstance(decisions, MarginDecisions):
        analysed = analyse_margin(times, decisions, earlier, confidence, adjust, strata)
    elif isinstance(decisions, ReestimatedDecisions) and earlier:
        analysed = analyse_reestimated(times, decisions, earlier[0], confidence, adjust, strata)
    else:
        analysed = analyse_two_arms(times, decisions, earlier, confidence, adjust, strata)
    return with_subgroups(analysed, subgroups_of_times(times, subgroups, confidence))


def _event_decisions(study: SizeStudy, earlier: Sequence[tuple[int, float]]) -> EventDecisions:
    """The looks as they were taken, with the bounds of the plan; the last one spends what is left of alpha."""
    upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
    n_interim = len(study.looks.at) - 1
    if len(earlier) > n_interim:
        raise RequestError(
            "earlier", f"the design has {n_interim} interim looks.", f"up to {n_interim}.", key="earlier"
        )
    for i, (events, z) in enumerate(earlier):
        reached = abs(z) if study.sides == 2 else z
        if not math.isfinite(z) or events < 1 or reached >= upper[i]:
            wrong = f"with z = {z:g} after {events} events, the trial would have ended at look {i + 1}."
            raise RequestError(
                "earlier", wrong, "the looks before the last one, none of which ended it.", key="earlier"
            )
    k, futility = len(earlier), study.looks.futility
    binding = futility is not None and futility.binding
    kept = (*lower[:k], lower[-1]) if lower else ()
    taken = EventDecisions(
        tuple(events for events, _ in earlier),
        (*upper[:k], upper[-1]),
        kept,
        study.alpha,
        study.sides,
        binding,
        rho_gamma_of(study.test),
    )
    zone, planned = zone_of(study, upper, lower), study.conduct.events
    if zone is not None and planned is not None:
        return ReestimatedDecisions.of(taken, zone, planned)
    return taken if study.margin is None else with_margin(taken, study.margin)


def _refuse(*options: tuple[str, Sequence[Any]], of: str = "two arms with times to events") -> None:
    for name, value in options:
        if len(value):
            raise RequestError(name, f"this belongs to {of}.", f"no `{name}`.", key=name)
