"""The command line's one application, and the options that its verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate a small salvage trial, and design the next one from what it teaches.",
)

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A YAML path or a built-in name.")]
StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="A YAML path or a built-in name.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all draws, 0 to 2^64 - 1.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a dotted key; may be repeated.")
]
EngineOption = Annotated[str, typer.Option(metavar="auto|reference|batch", help="What simulates.")]
WorkersOption = Annotated[int | None, typer.Option(help="Threads, or processes of SimPy; by default all cores.")]
OutOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; by default results/NAME.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from what an unfinished one has left.")]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace results, or forget an unfinished run, of another configuration.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, and nothing else there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
