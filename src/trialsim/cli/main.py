"""The command line: each command is a few lines that call the library, in the order of a user's work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final

import typer

from trialsim.cli import analysis, files, other, studies, trials
from trialsim.errors import InputError, Interrupted
from trialsim.report.streams import open_streams

COMMANDS: Final = (
    files.init,
    other.list_builtins,
    trials.check,
    trials.run,
    trials.trace,
    studies.calibrate,
    studies.compare,
    other.design,
    studies.size,
    analysis.monitor,
    analysis.analyse,
    files.schema,
    other.run_again,
)
_NAMES: Final = {"list_builtins": "list", "run_again": "run-again"}
# `design` has commands of its own, which read what follows; they are imported when it is called.
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "design": {
        "add_help_option": False,
        "context_settings": {
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
        },
    }
}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate a small salvage trial, and design the next one from what it teaches.",
)


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose Ctrl-C reaches `main`; typer would end without a word."""

    @wraps(command)
    def interruptible(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            raise Interrupted("interrupted", None) from None

    return interruptible


for _command in COMMANDS:
    _settings = _SETTINGS.get(_command.__name__, {})
    app.command(_NAMES.get(_command.__name__, _command.__name__), **_settings)(_interruptible(_command))


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", "-v", help="Print the version.")] = False,
) -> None:
    if version:
        from trialsim import __version__

        print(f"trialsim {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 wrong input, 130 interrupted; a defect shows its traceback (1)."""
    try:
        open_streams(is_silent="--quiet" in sys.argv)
        try:
            app()
        finally:
            sys.stdout.flush()
    except InputError as error:
        print(str(error), file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, Interrupted):
        print("interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
