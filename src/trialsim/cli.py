"""The command line: each verb a few lines that call the library, in the order of a user's work."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from trialsim import cli_studies, cli_trials
from trialsim.cli_options import app
from trialsim.errors import InputError, Interrupted

VERBS = (
    cli_trials.check,
    cli_trials.run,
    cli_trials.trace,
    cli_studies.calibrate,
    cli_studies.compare,
    cli_studies.size,
)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from trialsim import __version__

        print(f"trialsim {__version__}")
        raise typer.Exit


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
