"""The commands about one trial: check, run, trace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from trialsim.cli.options import (
    DetailsOption,
    EngineOption,
    FiguresOption,
    FilesArgument,
    JsonOption,
    NoPicturesOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    WorkersOption,
)
from trialsim.cli.output import (
    Printing,
    end_interrupted,
    end_with_part,
    note_to_user,
    note_warnings,
    output_width,
    print_json,
    read_figures,
    read_settings,
    read_target,
    run_in,
)
from trialsim.errors import Interrupted


def check(
    files: FilesArgument,
    settings: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Read and validate; print a plain-language synopsis of each trial."""
    from trialsim.workflows.check import check as check_files

    texts = check_files(files, read_settings(settings), min(output_width(), 100))
    if not quiet:
        print("\n\n".join(texts))


def run(
    scenario: ScenarioArgument,
    replicates: Annotated[int, typer.Option(help="How many trials to simulate.")] = 1000,
    seed: SeedOption = 1,
    settings: SetOption = None,
    target_mcse: Annotated[
        str | None,
        typer.Option(metavar="QUANTITY=ERROR", help="Simulate until this Monte Carlo standard error is reached."),
    ] = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, tcp://host:port.")] = None,
    block_size: Annotated[int | None, typer.Option(help="Trials that a worker does at a time.")] = None,
    out: OutOption = None,
    figures: FiguresOption = "png",
    no_pictures: NoPicturesOption = False,
    keep: Annotated[int, typer.Option(help="Number of first trials of which patients and events are kept.")] = 20,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the results folder.")] = False,
    overwrite: OverwriteOption = False,
    details: DetailsOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Simulate replicates of a scenario; compare with the published statistics; write a results folder."""
    from trialsim import load_scenario
    from trialsim.report.progress import progress
    from trialsim.simulation.resumption import has_earlier
    from trialsim.simulation.workers import available_cores
    from trialsim.storage.results_folder import check_destination
    from trialsim.workflows import run as workflow

    chosen = workflow.with_settings(load_scenario(scenario), read_settings(settings))
    destination = out if out is not None else Path("results") / chosen.name
    if not quiet:
        note_warnings([chosen])
    how: dict[str, Any] = {
        "engine": engine,
        "workers": workers if workers is not None else available_cores(),
        "cluster": cluster,
        "block_size": block_size,
        "target_mcse": read_target(target_mcse),
        "out": destination,
        "resume": destination if resume else None,
        "overwrite": overwrite,
        "figures": read_figures(figures, no_pictures),
    }
    printing = Printing(as_json, quiet, details, has_pictures=not no_pictures)
    place = check_destination(destination)
    earlier_run = "" if resume else run_in(place)
    if resume and not has_earlier(place):
        note_to_user(f"nothing to resume in {destination}: starting with the first trial")
    try:
        with progress(printing.is_hidden) as display:
            how |= {"on_result": printing.shown_on(display), **display.callbacks(quiet)}
            result = workflow.run(chosen, replicates, seed, keep, **how)
    except Interrupted as stop:
        end_with_part(stop, destination)
    except KeyboardInterrupt:
        end_interrupted(place)
    printing.show_place(result, destination, earlier_run)


def trace(
    scenario: ScenarioArgument,
    replicate: Annotated[int, typer.Option(help="Which trial of the run, from 1.")] = 1,
    patient: Annotated[int | None, typer.Option(help="Only this patient.")] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay one trial and tell its events and decisions in order."""
    from trialsim import load_scenario
    from trialsim.records.tables import plain_rows
    from trialsim.report.run.trace_text import story
    from trialsim.workflows import trace as traced

    chosen = load_scenario(scenario, read_settings(settings))
    events = traced.trace(chosen, replicate, seed, patient)
    if as_json:
        rows = plain_rows(events)
        print_json({"scenario": chosen.name, "seed": seed, "replicate": replicate, "events": rows})
        return
    for line in story(events, chosen.accrual.opens, output_width(of_file=sys.maxsize)):
        print(line)
