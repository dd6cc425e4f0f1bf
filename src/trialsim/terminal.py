"""What the command line reads of its options and prints of its results."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console, RenderableType

from trialsim.errors import RequestError

if TYPE_CHECKING:
    from trialsim.calibrated import Calibrated
    from trialsim.compared import Compared
    from trialsim.config import Scenario
    from trialsim.result import Result
    from trialsim.sized import Sized


def end_interrupted(place: Path) -> NoReturn:
    """Say what is kept of an interrupted piece of work, and end."""
    from trialsim.records.work_folder import WorkFolder

    is_kept = WorkFolder(place).request is not None
    what = "what was finished is kept, go on with --resume" if is_kept else "nothing was written"
    print(f"interrupted; {what}", file=sys.stderr)
    raise typer.Exit(130) from None


def read_settings(settings: list[str] | None) -> dict[str, Any]:
    """`--set key=value` texts to changes; raises `RequestError` for one without `=`."""
    from trialsim.config import Settings, parse_value

    changes = Settings()
    for setting in settings or []:
        if not setting.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in setting):
            shown = setting.encode("utf-8", "surrogateescape").decode("ascii", "backslashreplace")
            raise RequestError(f"--set {shown}", "this is not UTF-8 text.", "a setting in UTF-8.")
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise RequestError(
                f"--set {setting}", "this is no setting.", 'a dotted key and a value: treatment.every="28 days".'
            )
        changes[key.strip()] = parse_value(value, f"--set {key.strip()}")
    return changes


def tell(result: Result, destination: Path, earlier_run: str) -> None:
    """Print the estimates of a run, how they came about, and where they lie."""
    from trialsim.report.console import estimates_view

    console = Console() if sys.stdout.isatty() else Console(width=120)
    n, readings = result.replicates.n, result.other_readings
    console.print(estimates_view(result.scenario, result.estimate_list, readings, n, result.seed))
    replaced = f" (in place of {earlier_run})" if earlier_run else ""
    print("\n" + "\n".join(result.remarks))
    print(f"results digest {result.digest[:16]}…; tables and pictures in {destination}/{replaced}")


def tell_calibration(found: Calibrated, draws: int, destination: Path) -> None:
    """Print what a calibration found, and where it lies."""
    from trialsim.report.calibration_console import calibration_view

    console = Console() if sys.stdout.isatty() else Console(width=150)
    tables = (found.learned, found.correlations, found.directions, found.predictive, found.left_out)
    console.print(calibration_view(found.scenario, draws, *tables, found.sensitivity))
    print(f"posterior digest {found.digest}; tables and pictures in {destination}/")
    print(f"to use it: parameters: {destination}/posterior.parquet")


def comparison_view(found: Compared) -> RenderableType:
    """What a comparison found, to be printed."""
    from trialsim.report.compare_console import compare_view

    tables = (found.estimates, found.differences, found.ranks, found.dominated)
    n_patients = max(scenario.accrual.patients for scenario in found.comparison.scenarios.values())
    return compare_view(found.comparison.study, found.definitions, *tables, found.store.n, n_patients, found.seed)


def tell_comparison(found: Compared, destination: Path, earlier_run: str) -> None:
    """Print what a comparison found, and where it lies."""
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(comparison_view(found))
    replaced = f" (in place of {earlier_run})" if earlier_run else ""
    print(f"results digest {found.digest[:16]}…; tables and pictures in {destination}/{replaced}")


def read_target(text: str | None) -> dict[str, float] | None:
    """`--target-mcse quantity=error` to numbers; a per cent sign means hundredths."""
    if text is None:
        return None
    quantity, _, error = text.partition("=")
    number = error.strip().removesuffix("%")
    try:
        found = float(number) / (100.0 if number != error.strip() else 1.0)
    except ValueError:
        allowed = "a quantity and its error: toxicity.rash=0.005, or 0.5%."
        raise RequestError(f"--target-mcse {text}", "this is no precision.", allowed) from None
    return {quantity.strip(): found}


def note_to_user(text: str) -> None:
    """Something that a user should know, on standard error."""
    print(text, file=sys.stderr)


def note_warnings(scenarios: Iterable[Scenario]) -> None:
    """What scenarios may say but probably do not mean, each once, on standard error."""
    for text in dict.fromkeys(text for scenario in scenarios for text in scenario.warnings):
        note_to_user(f"warning: {text}")


def note_nothing(text: str) -> None:
    """With --quiet."""


def run_in(folder: Path) -> str:
    """The run that a results folder holds, in words; empty for none."""
    from trialsim.records.manifest import MANIFEST, read_manifest_data

    if not (folder / MANIFEST).is_file():
        return ""
    found = read_manifest_data(folder / MANIFEST)
    words = {"run": "a run", "compare": "a comparison", "calibrate": "a calibration"}.get(found["verb"], "results")
    size = f" of {found['replicates']:,} trials" if "replicates" in found else ""
    return f"{words}{size}, seed {found.get('seed')}"


def size_view_of(found: Sized) -> RenderableType:
    """What a search for a size found, to be printed."""
    from trialsim.report.size_console import size_view

    return size_view(
        found.ready, found.design, found.exact, found.calendar, found.found, found.assurance, found.paragraph,
        found.trials, found.seed,
    )  # fmt: skip


def tell_size(found: Sized, destination: Path, earlier_run: str) -> None:
    """Print what a search for a size found, and where it lies."""
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(size_view_of(found))
    replaced = f" (in place of {earlier_run})" if earlier_run else ""
    print(f"results digest {found.digest[:16]}…; tables and pictures in {destination}/{replaced}")
