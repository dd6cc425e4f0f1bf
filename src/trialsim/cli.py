"""The command line: each verb a few lines that call the library."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from trialsim.errors import InputError, Interrupted
from trialsim.terminal import (
    end_interrupted,
    note_nothing,
    note_to_user,
    read_settings,
    read_target,
    run_in,
    tell,
    tell_calibration,
    tell_comparison,
    tell_size,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate a small salvage trial, and design the next one from what it teaches.",
)

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A YAML path or a built-in name.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all draws, 0 to 2^64 - 1.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a dotted key; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, and nothing else there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from trialsim import __version__

        print(f"trialsim {__version__}")
        raise typer.Exit


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="YAML paths or built-in names.")],
    settings: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Read and validate; print a plain-language synopsis of each trial."""
    from trialsim.verbs import check as check_files

    texts = check_files(files, read_settings(settings))
    if not quiet:
        print("\n\n".join(texts))


@app.command()
def run(
    scenario: ScenarioArgument,
    replicates: Annotated[int, typer.Option(help="How many trials to simulate.")] = 1000,
    seed: SeedOption = 1,
    settings: SetOption = None,
    target_mcse: Annotated[
        str | None,
        typer.Option(metavar="QUANTITY=ERROR", help="Go on until this Monte Carlo standard error is reached."),
    ] = None,
    engine: Annotated[str, typer.Option(metavar="auto|reference|batch", help="What simulates.")] = "auto",
    workers: Annotated[int | None, typer.Option(help="Threads, or processes of SimPy; by default all cores.")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, tcp://host:port.")] = None,
    block_size: Annotated[int | None, typer.Option(help="Trials that a worker does at a time.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; by default results/NAME.")] = None,
    keep: Annotated[int, typer.Option(help="Keep patients and events of so many first trials.")] = 20,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what the results folder holds.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Simulate replicates of a scenario; compare with the published figures; write a results folder."""
    from trialsim import load_scenario, verbs
    from trialsim.montecarlo.resume import has_earlier
    from trialsim.montecarlo.workers import available_cores
    from trialsim.records.store import check_destination
    from trialsim.report.progress import progress

    chosen = verbs.with_settings(load_scenario(scenario), read_settings(settings))
    destination = out if out is not None else Path("results") / chosen.name
    how = {
        "engine": engine,
        "workers": workers if workers is not None else available_cores(),
        "cluster": cluster,
        "block_size": block_size,
        "target_mcse": read_target(target_mcse),
        "out": destination,
        "resume": destination if resume else None,
        "on_note": note_nothing if quiet else note_to_user,
    }
    place = check_destination(destination)
    earlier_run = "" if resume else run_in(place)
    if resume and not has_earlier(place):
        note_to_user(f"nothing to resume in {destination}: starting with the first trial")
    try:
        with progress(replicates, "simulating", quiet or as_json) as on_progress:
            result = verbs.run(chosen, replicates, seed, keep, on_progress=on_progress, **how)  # type: ignore[arg-type]
    except Interrupted as stop:
        if stop.finished is None:
            raise
        print(f"{stop}; they are kept in {destination}, go on with --resume", file=sys.stderr)
        raise typer.Exit(130) from None
    except KeyboardInterrupt:
        end_interrupted(place)
    if as_json:
        print(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        tell(result, destination, earlier_run)


@app.command()
def trace(
    scenario: ScenarioArgument,
    replicate: Annotated[int, typer.Option(help="Which trial of the run, from 1.")] = 1,
    patient: Annotated[int | None, typer.Option(help="Only this patient.")] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay one trial and tell its events and decisions in order."""
    from trialsim import load_scenario, verbs
    from trialsim.records.tables import plain_rows
    from trialsim.report.story import story

    chosen = load_scenario(scenario, read_settings(settings))
    events = verbs.trace(chosen, replicate, seed, patient)
    if as_json:
        rows = plain_rows(events)
        print(json.dumps({"scenario": chosen.name, "seed": seed, "replicate": replicate, "events": rows}))
        return
    for line in story(events, chosen.accrual.opens):
        print(line)


@app.command()
def calibrate(
    cohort: Annotated[str, typer.Argument(metavar="COHORT", help="A YAML path or a built-in name.")],
    seed: SeedOption = 1,
    settings: SetOption = None,
    draws: Annotated[int, typer.Option(help="How many draws to keep.")] = 4000,
    min_ess: Annotated[int, typer.Option(help="Effective sample size to reach for every parameter.")] = 1000,
    most_steps: Annotated[int, typer.Option(help="Give up after so many steps of every walker.")] = 1000,
    patients: Annotated[int, typer.Option(help="Simulated patients for each one of the cohort.")] = 800,
    leave_one_out: Annotated[bool, typer.Option("--leave-one-out", help="Predict each from the others.")] = False,
    sensitivity: Annotated[bool, typer.Option("--sensitivity", help="Also under every other reading.")] = False,
    workers: Annotated[int | None, typer.Option(help="Threads; by default all cores.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="By default results/NAME-posterior.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an unfinished calibration.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the posterior of the parameters, given a published cohort; write draws, tables and pictures."""
    from trialsim import calibrated
    from trialsim.records.store import check_destination
    from trialsim.records.work_folder import WorkFolder
    from trialsim.report.progress import progress

    name = Path(cohort).stem
    destination = out if out is not None else Path("results") / f"{name}-posterior"
    place = check_destination(destination)
    if resume and WorkFolder(place).request is None:
        note_to_user(f"nothing to resume beside {destination}: starting anew")
    try:
        with progress(1, "calibrating", quiet or as_json) as on_progress:
            found = calibrated.calibrate(
                cohort,
                read_settings(settings),
                seed,
                draws=draws,
                smallest_ess=min_ess,
                most_steps=most_steps,
                patients_per_patient=patients,
                workers=workers,
                leave_one_out=leave_one_out,
                with_sensitivity=sensitivity,
                out=destination,
                resume=resume,
                on_progress=on_progress,
                on_note=note_nothing if quiet else note_to_user,
            )
    except (Interrupted, KeyboardInterrupt):
        end_interrupted(place)
    if as_json:
        print(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        tell_calibration(found, draws, destination)


@app.command()
def compare(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A YAML path or a built-in name.")],
    replicates: Annotated[int | None, typer.Option(help="How many trials; by default as the study says.")] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    engine: Annotated[str, typer.Option(metavar="auto|reference|batch", help="What simulates.")] = "auto",
    workers: Annotated[int | None, typer.Option(help="Threads, or processes of SimPy; by default all cores.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; by default results/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an unfinished comparison.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare variants of a trial, such as titration strategies, on the same patients."""
    from trialsim import compared
    from trialsim.config.studies import load_study
    from trialsim.records.store import check_destination
    from trialsim.records.work_folder import WorkFolder
    from trialsim.report.progress import progress

    comparison = load_study(study, read_settings(settings))
    destination = out if out is not None else Path("results") / comparison.study.name
    place = check_destination(destination)
    if resume and WorkFolder(place).request is None:
        note_to_user(f"nothing to resume beside {destination}: starting anew")
    earlier_run = run_in(place)
    n = replicates if replicates is not None else comparison.study.replicates
    try:
        with progress(n, "comparing", quiet or as_json) as on_progress:
            found = compared.compare(
                comparison,
                None,
                n,
                seed,
                engine=engine,
                workers=workers,
                out=destination,
                resume=resume,
                on_progress=on_progress,
                on_note=note_nothing if quiet else note_to_user,
            )
    except (Interrupted, KeyboardInterrupt):
        end_interrupted(place)
    if as_json:
        print(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        tell_comparison(found, destination, earlier_run)


@app.command()
def size(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A YAML path or a built-in name.")],
    trials: Annotated[int | None, typer.Option(help="Trials under every truth; by default as the study says.")] = None,
    seed: SeedOption = 1,
    settings: SetOption = None,
    engine: Annotated[str, typer.Option(metavar="auto|reference|batch", help="What simulates.")] = "auto",
    workers: Annotated[int | None, typer.Option(help="Threads; by default all cores.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; by default results/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an unfinished search.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find how many patients the follow-up trial needs: the design, exact and simulated, and the protocol's paragraph."""
    from trialsim import sized
    from trialsim.config.sizing import load_sizing
    from trialsim.records.store import check_destination
    from trialsim.records.work_folder import WorkFolder
    from trialsim.report.progress import progress

    sizing = load_sizing(study, read_settings(settings))
    destination = out if out is not None else Path("results") / sizing.study.name
    place = check_destination(destination)
    if resume and WorkFolder(place).request is None:
        note_to_user(f"nothing to resume beside {destination}: starting anew")
    earlier_run = run_in(place)
    try:
        with progress(1, "sizing", quiet or as_json) as on_progress:
            found = sized.size(
                sizing,
                None,
                trials,
                seed,
                engine=engine,
                workers=workers,
                out=destination,
                resume=resume,
                on_progress=on_progress,
                on_note=note_nothing if quiet else note_to_user,
            )
    except (Interrupted, KeyboardInterrupt):
        end_interrupted(place)
    if as_json:
        print(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        tell_size(found, destination, earlier_run)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 wrong input, 130 interrupted; a defect shows its traceback (1)."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `trialsim trace … | head` ends without a word
    try:
        app()
    except InputError as error:
        print(str(error), file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, Interrupted):
        print("interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
