"""The commands about what is there already: list, run-again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialsim.cli.options import (
    LISTED,
    DetailsOption,
    FiguresOption,
    JsonOption,
    OverwriteOption,
    QuietOption,
    WorkersOption,
    completed,
)
from trialsim.cli.output import Printing, note_to_user, print_json, print_listing, read_choice, read_figures

KindArgument = Annotated[
    str | None, typer.Argument(metavar="|".join(LISTED), help="By default all.", autocompletion=completed(*LISTED))
]


def list_builtins(kind: KindArgument = None, as_json: JsonOption = False) -> None:
    """List the scenarios, strategies, studies and cohorts that come along, with a line each."""
    from trialsim.workflows.listing import builtin_titles

    kinds = LISTED if kind is None else (read_choice("list", kind, LISTED),)
    if as_json:
        print_json({kind: builtin_titles(kind) for kind in kinds})
    else:
        print_listing(kinds)


def run_again(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A manifest.json, or the folder that has it.")],
    workers: WorkersOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a results folder; by default none.")] = None,
    figures: FiguresOption = "png",
    overwrite: OverwriteOption = False,
    details: DetailsOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run, calibrate, compare or size again what a manifest describes; the digest of the results comes out equal."""
    from trialsim.report.progress import progress
    from trialsim.storage.results_folder import check_destination
    from trialsim.workflows import run_again as workflow

    formats = read_figures(figures)
    file = workflow.manifest_file(manifest)
    if out is not None:
        check_destination(out)
    printing = Printing(as_json, quiet, details)
    with progress(printing.is_hidden) as display:
        result = workflow.run_again(
            file,
            workers=workers,
            **display.callbacks(quiet),
        )
        if out is not None:
            result.save(out, overwrite, formats)
        printing.shown_on(display)(result)
    printing.show_place(result, out)
    mismatch = workflow.digest_mismatch(file, result)
    if mismatch:
        note_to_user(mismatch)
        raise typer.Exit(1)


def design(context: typer.Context) -> None:
    """A design at once, from plain numbers and without a scenario: `trialsim design simon --p0 0.1 --p1 0.3`."""
    from trialsim.cli.designs import app

    app(context.args, standalone_mode=False, prog_name="trialsim design")
