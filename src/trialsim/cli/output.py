"""What the command line reads of its options and prints of its results."""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer

from trialsim.errors import Interrupted, OptionError, PicturesInterrupted, RequestError
from trialsim.files.regular import is_file

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trialsim.config import Scenario
    from trialsim.report.progress import Display
    from trialsim.workflows.calibrate import Calibrated
    from trialsim.workflows.calibrate_study import CalibratedStudy
    from trialsim.workflows.compare import Compared
    from trialsim.workflows.run_again import Again
    from trialsim.workflows.run_result import Result
    from trialsim.workflows.size import Sized

WIDTH_OF_FILE: Final = 100  # columns of what is printed into a file or a pipe
MIN_WIDTH: Final = 20
PLACE: Final = "tables and pictures"  # what lies in a results folder


def output_width(of_file: int = WIDTH_OF_FILE) -> int:
    """The columns that there are to print in: COLUMNS, else those of the terminal, else `of_file`."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(MIN_WIDTH, int(columns))
    return max(MIN_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else of_file


def print_view(*views: RenderableType) -> None:
    """Print tables and paragraphs to standard output, as wide as it is and in its characters."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=output_width())
    for view in views:
        console.print(view)


def print_json(data: Mapping[str, Any]) -> None:
    """Print one object as JSON, what is not finite as null; escapes where standard output has not every character."""
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    print(json.dumps(_finite(data), ensure_ascii=not is_unicode, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def note_to_user(text: str) -> None:
    """Something that a user should know, on standard error."""
    print(text, file=sys.stderr)


def note_warnings(scenarios: Iterable[Scenario]) -> None:
    """What scenarios may say but probably do not mean, each once, on standard error."""
    for text in dict.fromkeys(text for scenario in scenarios for text in scenario.warnings):
        note_to_user(f"warning: {text}")


def check_where(destination: Path, resume: bool) -> Path:
    """Where results are to go, as an absolute path; with a note if there is nothing to resume beside it.

    Raises `DestinationError` for a folder that cannot be written.
    """
    from trialsim.storage.job_folder import is_unfinished
    from trialsim.storage.results_folder import check_destination

    place = check_destination(destination)
    if resume and not is_unfinished(place):
        note_to_user(f"nothing to resume beside {destination}: starting anew")
    return place


@contextmanager
def progress_to_the_end(place: Path, is_hidden: bool) -> Iterator[Display]:
    """Show how far the work is; after Ctrl-C, say what is kept of it at `place`, and end."""
    from trialsim.report.progress import progress

    try:
        with progress(is_hidden) as display:
            yield display
    except PicturesInterrupted as stop:
        end_without_pictures(stop)
    except (Interrupted, KeyboardInterrupt):
        end_interrupted(place)


def end_interrupted(place: Path) -> NoReturn:
    """Say what is kept of an interrupted piece of work, and end."""
    from trialsim.storage.job_folder import is_unfinished

    is_kept = is_unfinished(place)
    what = f"what was finished is kept, resume with: {resuming_command()}" if is_kept else "nothing was written"
    note_to_user(f"interrupted; {what}")
    raise typer.Exit(130) from None


def end_without_pictures(stop: PicturesInterrupted) -> NoReturn:
    """Say that the results are there, and end."""
    note_to_user(f"interrupted while pictures were drawn; {stop}")
    raise typer.Exit(130) from None


def end_with_part(stop: Interrupted, destination: Path) -> NoReturn:
    """Say which trials of an interrupted run are kept, and end; raise it again where there are none."""
    if isinstance(stop, PicturesInterrupted):
        end_without_pictures(stop)
    if stop.finished is None:
        raise stop
    note_to_user(f"{stop}; they are kept in {destination}, resume with: {resuming_command()}")
    raise typer.Exit(130) from None


def resuming_command() -> str:
    """The command that was given, as one that resumes its work."""
    given = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return shlex.join(["trialsim", *given, "--resume"])


def read_settings(settings: list[str] | None) -> dict[str, Any]:
    """`--set key=value` texts to changes; raises `RequestError` for one without `=`."""
    from trialsim.config import Settings, parse_value

    changes = Settings()
    for setting in settings or []:
        if not setting.isprintable() and any("\ud800" <= character <= "\udfff" for character in setting):
            shown = setting.encode("utf-8", "surrogateescape").decode("ascii", "backslashreplace")
            raise OptionError(f"--set {shown}", "this is not UTF-8 text.", "a setting in UTF-8.")
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise OptionError(
                f"--set {setting}", "this is not a setting.", 'a dotted key and a value: treatment.every="28 days".'
            )
        changes[key.strip()] = parse_value(value, f"--set {key.strip()}")
    return changes


def read_target(text: str | None) -> dict[str, float] | None:
    """`--target-mcse quantity=error` to numbers; a per cent sign means hundredths."""
    if text is None:
        return None
    quantity, _, error = text.partition("=")
    number = error.strip().removesuffix("%")
    try:
        target = float(number) / (100.0 if number != error.strip() else 1.0)
    except ValueError:
        allowed = "a quantity and its error: toxicity.rash=0.005, or 0.5%."
        raise OptionError(f"--target-mcse {text}", "this is not a precision.", allowed) from None
    return {quantity.strip(): target}


def read_figures(text: str, has_none: bool = False) -> tuple[str, ...]:
    """`--figures png,pdf` to formats, each once, none with `--no-pictures`; raises `RequestError` for others."""
    from trialsim.storage.formats import FORMATS

    if has_none:
        return ()
    names = [name.strip().lower().removeprefix(".") for name in text.split(",")]
    return tuple(dict.fromkeys(read_choice("--figures", name, FORMATS) for name in names))


def read_choice(option: str, name: str, allowed: Sequence[str]) -> str:
    """A name that must be one of a few. Raises `RequestError`."""
    import difflib

    if name not in allowed:
        near = difflib.get_close_matches(name, allowed, n=1)
        raise RequestError(
            f"{option} {name}", "this name is not known here.", f"{', '.join(allowed)}.", near[0] if near else ""
        )
    return name


def run_in(folder: Path) -> str:
    """The run that a results folder holds, in words; empty for none."""
    from trialsim.storage.manifest import MANIFEST, read_manifest

    if not is_file(folder / MANIFEST):
        return ""
    manifest = read_manifest(folder / MANIFEST)
    names = {"run": "a run", "compare": "a comparison", "calibrate": "a calibration"}
    words = names.get(manifest["command"], "results")
    size = f" of {manifest['replicates']:,} trials" if "replicates" in manifest else ""
    return f"{words}{size}, seed {manifest.get('seed')}"


def run_view(result: Result, has_details: bool = False) -> RenderableType:
    """What a run gave, to be printed."""
    from rich.console import Group

    from trialsim.report.layout import Paragraph
    from trialsim.report.run.arms_console import arms_view
    from trialsim.report.run.console import estimates_view
    from trialsim.workflows.run_result import ResultOfArms

    n, interpretations = result.replicates.n, result.other_interpretations
    if isinstance(result, ResultOfArms):
        of_arms = result.estimates_by_arm, result.difference_list
        view = arms_view(result.scenario, *of_arms, n, result.seed, has_details)
        return Group(view, Paragraph("\n" + "\n".join(result.remarks)))
    view = estimates_view(result.scenario, result.estimate_list, interpretations, n, result.seed, has_details)
    return Group(view, Paragraph("\n" + "\n".join(result.remarks)))


def calibration_view_of(result: Calibrated, has_details: bool = False) -> RenderableType:
    """What a calibration found, to be printed."""
    from trialsim.report.calibration.console import calibration_view

    tables = (
        result.posterior_summary, result.correlations, result.principal_components, result.predictive, result.left_out,
    )  # fmt: skip
    n_draws, others = result.posterior.n_draws, (result.sensitivity, has_details, result.prior_draws)
    return calibration_view(result.scenario, n_draws, *tables, *others)


def joint_calibration_view_of(result: CalibratedStudy, has_details: bool = False) -> RenderableType:
    """What a joint calibration gave, to be printed."""
    from trialsim.report.calibration.joint_console import joint_calibration_view

    tables = (result.posterior_summary, result.between_trials, result.predictive)
    fit, study = result.posterior.fit, result.study.study
    ess = float(result.provenance()["smallest_ess"])
    left_out = (result.left_out, result.coverage)
    head = (study.title, fit.model.names, len(fit.draws), ess, result.evidence)
    return joint_calibration_view(*head, *tables, has_details, *left_out)


def comparison_view(result: Compared, has_details: bool = False) -> RenderableType:
    """What a comparison found, to be printed."""
    from trialsim.report.comparison.console import compare_view

    tables = (result.estimates, result.differences, result.ranks, result.dominated)
    n_patients = max(scenario.accrual.patients for scenario in result.comparison.scenarios.values())
    study = result.comparison.study
    return compare_view(study, result.definitions, *tables, result.store.n, n_patients, result.seed, has_details)


def size_view_of(result: Sized, has_details: bool = False) -> RenderableType:
    """What a search for a size found, to be printed."""
    from trialsim.report.design.console import size_view

    return size_view(
        result.ready, result.design, result.exact, result.calendar, result.search_result, result.assurance,
        result.paragraph, result.replicates, result.seed, result.estimates, has_details,
    )  # fmt: skip


# By the name of the command in the layout of its results: to import every kind of result takes a second.
_VIEWS: Final[Mapping[str, Callable[[Any, bool], RenderableType]]] = {
    "run": run_view,
    "calibrate": calibration_view_of,
    "calibrate study": joint_calibration_view_of,
    "compare": comparison_view,
    "size": size_view_of,
}


def view_of(result: Again, has_details: bool) -> RenderableType:
    """What a command gave, to be printed."""
    return _VIEWS[result.layout.command](result, has_details)


def print_place(result: Again, destination: Path | None, what: str = PLACE, earlier_run: str = "") -> None:
    """Print the digest of what a command gave, and where it lies."""
    from trialsim.report.layout import Paragraph

    command = result.layout.command
    replaced = f" (in place of {earlier_run})" if earlier_run else ""
    where = f"; {what} in {destination}/{replaced}" if destination is not None else ""
    is_posterior = command in ("calibrate", "calibrate study")
    name = "posterior digest" if is_posterior else "results digest"
    lines = [f"{name} {result.digest[:16]}{'' if is_posterior else '…'}{where}"]
    if destination is not None:
        lines += _uses_of(result, destination)
    print_view(Paragraph("\n".join(lines)))


def _uses_of(result: Again, destination: Path) -> list[str]:
    """How a scenario takes the posterior that lies in a folder; nothing for other results."""
    if result.layout.command == "calibrate":
        return [f"to use it: parameters: {destination}/posterior.parquet"]
    trial_tables = getattr(result, "trial_tables", None)
    if trial_tables is None:
        return []
    return [
        f"for a new trial: parameters: {destination}/posterior.parquet",
        f"for a follow-up at the same centre: parameters: {destination}/posterior-{next(iter(trial_tables))}.parquet",
    ]


@dataclass(frozen=True)
class Printing:
    """How what a command gives is printed: as JSON or to be read, with every table or not, or not at all."""

    as_json: bool
    is_quiet: bool
    has_details: bool
    has_pictures: bool = True

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is there to see progress."""
        return self.is_quiet or self.as_json

    def shown_on(self, display: Display) -> Callable[[Again], None]:
        """What prints a result as soon as it is there, the display of progress out of the way."""

        def show(result: Again) -> None:
            if self.as_json or not self.is_quiet:
                display.begin_stage("analysing the trials")
                content = result.to_json() if self.as_json else view_of(result, self.has_details)
                with display.paused():
                    print_json(content) if isinstance(content, dict) else print_view(content)
                    sys.stdout.flush()

        return show

    def show_place(self, result: Again, destination: Path | None, earlier_run: str = "") -> None:
        """Print where the results of a command are, once they are written."""
        if not self.is_hidden:
            print_place(result, destination, PLACE if self.has_pictures else "tables", earlier_run)


def print_listing(kinds: Sequence[str]) -> None:
    """Print what comes along, a line each, with the command that it is for."""
    from trialsim.report.layout import DataTable, Paragraph
    from trialsim.workflows.listing import builtin_titles, command_of

    for kind in kinds:
        table = DataTable("", (kind, "command", "title"), left=("command",), prose=("title",))
        for name, title in builtin_titles(kind).items():
            table.add(name, command_of(kind, name), title)
        print_view(table)
    print_view(Paragraph("In plain language: trialsim check NAME. A strategy is named in a study: strategy: NAME."))
