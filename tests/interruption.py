"""Ctrl-C in the middle of a command."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path


def interrupt(arguments: tuple[str, ...], folder: Path, has_begun: Callable[[], bool], before: str = "") -> None:
    """Run a command that writes `out` in a folder, interrupt it once it has begun; it must say how to go on.

    `before` is code that the process runs before the command.
    """
    code = f"{before}\nfrom trialsim.cli.main import main\nmain()"
    command = [sys.executable, *(["-c", code] if before else ["-m", "trialsim"]), *arguments]
    running = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # background jobs of a shell ignore the signal; a test runs no threads of its own
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    while not has_begun() and running.poll() is None:
        time.sleep(0.02)
    assert running.poll() is None, "the command was done before it could be interrupted"
    os.kill(running.pid, signal.SIGINT)
    printed, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert printed == "", "standard output is for results"
    for dump in ("Traceback", "Exception", "emcee", "Thread", "KeyboardInterrupt"):
        assert dump not in said, said
    assert f"resume with: {shlex.join(['trialsim', *arguments, '--resume'])}" in said
    assert not (folder / "out").exists()
