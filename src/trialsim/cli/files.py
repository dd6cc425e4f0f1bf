"""The commands about files of a user's own: init writes some to start from, schema says what they may hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trialsim.cli.options import JsonOption, QuietOption, completed
from trialsim.cli.output import note_to_user, print_json, print_view
from trialsim.errors import ConfigurationError

_SCHEMAS = ("scenario", "cohort", "parameters", "study")
_COUNTS = "NAME=COUNT,…"


def schema(
    kind: Annotated[
        str,
        typer.Argument(metavar="|".join(_SCHEMAS), help="The kind of file.", autocompletion=completed(*_SCHEMAS)),
    ],
) -> None:
    """Print the JSON Schema of a kind of file, for editors and validators."""
    from trialsim.workflows.schema import schema_text

    sys.stdout.write(schema_text(kind))


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder to write to; here by default.")] = Path(),
    drug: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the drug.")] = None,
    levels: Annotated[str | None, typer.Option(metavar="10,15,25", help="Dose levels, from the lowest.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="mg/day", help="Unit of the doses.")] = None,
    every: Annotated[str | None, typer.Option(metavar="DURATION", help="Interval of the visits.")] = None,
    patients: Annotated[str | None, typer.Option(metavar="N", help="Number of patients enrolled.")] = None,
    accrual: Annotated[str | None, typer.Option(metavar="DURATION", help="From the first to the last in.")] = None,
    follow_up: Annotated[str | None, typer.Option(metavar="DURATION", help="From the opening to the cut-off.")] = None,
    toxicities: Annotated[str | None, typer.Option(metavar=_COUNTS, help="Patients with each severe toxicity.")] = None,
    responses: Annotated[
        str | None, typer.Option(metavar=_COUNTS, help="Patients by best response, the least category first.")
    ] = None,
    evaluable: Annotated[str | None, typer.Option(metavar="N", help="Patients evaluable for response.")] = None,
    progression: Annotated[
        str | None, typer.Option(metavar="yes|no", help="Whether the disease can progress, or patients die of it.")
    ] = None,
    progression_free: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Median progression-free survival.")
    ] = None,
    no_questions: Annotated[bool, typer.Option("--no-questions", help="Ask nothing, also at a terminal.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a scenario, cohort, priors and a study of size for a pilot of your own, to start from."""
    from trialsim.workflows import init as workflow

    options = {
        "drug": drug, "levels": levels, "unit": unit, "every": every, "patients": patients, "accrual": accrual,
        "follow_up": follow_up, "toxicities": toxicities, "responses": responses, "evaluable": evaluable,
        "progression": progression, "progression_free": progression_free,
    }  # fmt: skip
    answers = {name: text for name, text in options.items() if text is not None}
    if _has_terminal() and not (no_questions or as_json or quiet):
        answers = _asked(answers)
    files = workflow.init(folder, answers, overwrite)
    steps = workflow.next_steps(folder)
    if as_json:
        print_json({"files": [str(path) for path in files], "next": [command for command, _ in steps]})
    elif not quiet:
        _print_written(files, steps, is_made_up=not answers)


def _has_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(answers: dict[str, str]) -> dict[str, str]:
    """The answers that were given, with those to the questions that are left."""
    from trialsim.config.starting.pilot import FACTS, assumed_answer, read_answer

    for fact in FACTS:
        has_no_disease = answers.get("responses", "none") == "none"
        is_pointless = (has_no_disease and fact.name in ("evaluable", "progression", "progression_free")) or (
            fact.name == "progression_free" and answers.get("progression") == "no"
        )
        while fact.is_asked and fact.name not in answers and not is_pointless:
            assumed = assumed_answer(fact, answers)
            text = typer.prompt(fact.question, default=assumed, err=True)
            if text == assumed and assumed != "none":
                break  # nothing was said: it stays assumed
            try:
                read_answer(fact, text)
            except ConfigurationError as error:
                note_to_user(str(error))
                continue
            answers = {**answers, fact.name: text}
    return answers


def _print_written(files: list[Path], steps: list[tuple[str, str]], *, is_made_up: bool) -> None:
    """Print what was written and how to go on."""
    from trialsim.report.layout import Paragraph

    names = ", ".join(str(path) for path in files if path.suffix == ".yaml")
    made_up = " This pilot is made up: say what is known of yours (--drug, --levels, …)." if is_made_up else ""
    print_view(Paragraph(f"{names}. What you did not say is marked `assumed`.{made_up}"))
    for command, does in steps:
        print(f"\n# {does}\n{command}")  # unwrapped, to be copied
