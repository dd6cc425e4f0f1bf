"""The commands that work for a while: calibrate, compare, size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trialsim.cli.options import (
    CohortsArgument,
    DetailsOption,
    EngineOption,
    FiguresOption,
    JsonOption,
    NoPicturesOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    SetOption,
    StudyArgument,
    WorkersOption,
)
from trialsim.cli.output import (
    Printing,
    check_where,
    note_warnings,
    progress_to_the_end,
    read_figures,
    read_settings,
    run_in,
)
from trialsim.errors import OptionError


def calibrate(
    cohorts: CohortsArgument,
    seed: SeedOption = 1,
    settings: SetOption = None,
    prior: Annotated[
        str | None,
        typer.Option(metavar="DRAWS", help="Draws as the prior: a results folder, a file, or a built-in posterior."),
    ] = None,
    draws: Annotated[int, typer.Option(help="How many draws to keep.")] = 4000,
    min_ess: Annotated[int, typer.Option(help="Effective sample size to reach for every parameter.")] = 1000,
    most_steps: Annotated[int, typer.Option(help="Largest number of steps of every walker.")] = 1000,
    replicates: Annotated[int, typer.Option(help="Simulated trials at each point of the parameters.")] = 800,
    leave_one_out: Annotated[bool, typer.Option("--leave-one-out", help="Predict each from the others.")] = False,
    sensitivity: Annotated[bool, typer.Option("--sensitivity", help="Also under every other interpretation.")] = False,
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="By default results/NAME-posterior.")] = None,
    figures: FiguresOption = "png",
    no_pictures: NoPicturesOption = False,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    details: DetailsOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the posterior of the parameters, given a published cohort or several; write draws and tables."""
    from trialsim.config import kind_of
    from trialsim.workflows.calibrate import calibrate as calibrate_cohort
    from trialsim.workflows.calibrate_study import calibrate_study

    made = _made_study(cohorts, quiet or as_json)
    given = made if made is not None else cohorts[0]
    name = str(made["name"]) if made is not None else Path(cohorts[0]).stem
    destination = out if out is not None else Path("results") / f"{name}-posterior"
    formats = read_figures(figures, no_pictures)
    printing = Printing(as_json, quiet, details, has_pictures=not no_pictures)
    place = check_where(destination, resume)
    how: dict[str, Any] = {"draws": draws, "replicates": replicates, "workers": workers, "out": destination}
    how |= {"resume": resume, "overwrite": overwrite, "figures": formats, "leave_one_out": leave_one_out}
    is_study = made is not None or kind_of(cohorts[0]) == "studies"
    if is_study:
        _refuse_options_of_one_cohort(settings, sensitivity, prior)
    else:
        how |= {"changes": read_settings(settings), "min_ess": min_ess, "most_steps": most_steps}
        how |= {"sensitivity": sensitivity, "prior": prior}
    with progress_to_the_end(place, printing.is_hidden) as display:
        workflow = calibrate_study if is_study else calibrate_cohort
        how |= {"on_result": printing.shown_on(display), **display.callbacks(quiet)}
        result = workflow(given, seed=seed, **how)
    printing.show_place(result, destination)


def _made_study(cohorts: list[str], is_silent: bool) -> dict[str, Any] | None:
    """The study of several cohorts, printed so that it can be saved and edited; None for one argument."""
    if len(cohorts) < 2:
        return None
    from trialsim.config.loading.cohorts_together import study_of_cohorts
    from trialsim.config.source.yaml import dump_yaml

    made = study_of_cohorts(cohorts)
    if not is_silent:
        print(f"# The study of these cohorts; to change it, save it and calibrate the file.\n{dump_yaml(made)}")
    return made


def _refuse_options_of_one_cohort(settings: list[str] | None, sensitivity: bool, prior: str | None) -> None:
    """A study of several cohorts is calibrated as it is written."""
    for option, value in (("--set", settings), ("--sensitivity", sensitivity), ("--prior", prior)):
        if value:
            raise OptionError(option, "this belongs to the calibration of one cohort.", "no such option for several.")


def compare(
    study: StudyArgument,
    replicates: Annotated[int | None, typer.Option(help="Simulated trials; by default as the study says.")] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    figures: FiguresOption = "png",
    no_pictures: NoPicturesOption = False,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    details: DetailsOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare variants of a trial, such as titration strategies, on the same patients."""
    from trialsim.config.loading.comparisons import load_comparison
    from trialsim.workflows import compare as workflow

    comparison = load_comparison(study, read_settings(settings))
    if not quiet:
        note_warnings(comparison.scenarios.values())
    formats = read_figures(figures, no_pictures)
    printing = Printing(as_json, quiet, details, has_pictures=not no_pictures)
    destination, place, earlier_run = _where(comparison.study.name, out, resume)
    n = replicates if replicates is not None else comparison.study.replicates
    with progress_to_the_end(place, printing.is_hidden) as display:
        result = workflow.compare(
            comparison,
            None,
            n,
            seed,
            engine=engine,
            workers=workers,
            out=destination,
            resume=resume,
            overwrite=overwrite,
            figures=formats,
            on_result=printing.shown_on(display),
            **display.callbacks(quiet),
        )
    printing.show_place(result, destination, earlier_run)


def size(
    study: StudyArgument,
    replicates: Annotated[
        int | None, typer.Option(help="Simulated trials under each hypothesis; by default as the study says.")
    ] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    figures: FiguresOption = "png",
    no_pictures: NoPicturesOption = False,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    details: DetailsOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find how many patients the follow-up trial needs, or the power of a given n; write the protocol's paragraph."""
    from trialsim.config.loading.size_studies import load_sizing
    from trialsim.workflows import size as workflow

    sizing = load_sizing(study, read_settings(settings))
    if not quiet:
        note_warnings(sizing.scenarios.values())
    formats = read_figures(figures, no_pictures)
    printing = Printing(as_json, quiet, details, has_pictures=not no_pictures)
    destination, place, earlier_run = _where(sizing.study.name, out, resume)
    with progress_to_the_end(place, printing.is_hidden) as display:
        result = workflow.size(
            sizing,
            None,
            replicates,
            seed,
            engine=engine,
            workers=workers,
            out=destination,
            resume=resume,
            overwrite=overwrite,
            figures=formats,
            on_result=printing.shown_on(display),
            **display.callbacks(quiet),
        )
    printing.show_place(result, destination, earlier_run)


def _where(name: str, out: Path | None, resume: bool) -> tuple[Path, Path, str]:
    """Where the results of a study go, as given and as an absolute path, and the earlier run there, in words."""
    destination = out if out is not None else Path("results") / name
    place = check_where(destination, resume)
    return destination, place, run_in(place)
