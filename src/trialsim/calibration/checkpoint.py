"""What is finished of a calibration, kept while it lasts: chains leg by leg, variants one by one."""

from __future__ import annotations

import io
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from trialsim.calibration.model import Calibration
from trialsim.calibration.sampling import SAMPLER, Chains
from trialsim.simulation.resumption import begin_or_go_on
from trialsim.storage.job_folder import CHAINS, VARIANTS, WorkFolder

Progress = Callable[[int, int], None]


def priors_of(calibration: Calibration) -> list[str]:
    """The priors in words, which tell them from any others."""
    return [str(marginal) for marginal in calibration.prior.marginals]


def request_of(calibration: Calibration, seed: int) -> dict[str, Any]:
    """What makes unfinished chains those of this calibration and of no other."""
    return {
        "scenario": calibration.scenario.to_mapping(),
        "priors": priors_of(calibration),
        "seed": seed,
        "patients": calibration.simulator.n_trials,
        "sampler": SAMPLER,
    }


@contextmanager
def remembered_ctrl_c() -> Iterator[Callable[[], None]]:
    """Ctrl-C raises `KeyboardInterrupt` at once, and once more where the function that this gives is called.

    Python throws away what is raised while it clears up an object, and a calibration makes and clears many; without the
    second chance a Ctrl-C at such a moment would be lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pressed = threading.Event()

    def note(number: int, frame: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


class Keeping:
    """The unfinished calibration in a work folder (None: nothing is kept).

    With `is_resumed` it must be of the same `request`; raises `DestinationError` otherwise.
    """

    def __init__(self, work: WorkFolder | None, request: Mapping[str, Any], is_resumed: bool) -> None:
        self.work = work
        if work is not None:
            begin_or_go_on(work, request, is_resumed)

    def chains(self) -> Chains:
        """The chains so far."""
        content = self.work.kept(CHAINS) if self.work is not None else None
        if content is None:
            return Chains()
        with np.load(io.BytesIO(content)) as arrays:
            return Chains.of_arrays(arrays)

    def variants(self) -> list[dict[str, Any]]:
        """The variants of the sensitivity analysis so far."""
        content = self.work.kept(VARIANTS) if self.work is not None else None
        return list(json.loads(content)) if content is not None else []

    def on_leg(self, on_progress: Progress) -> Callable[[Chains, int], None]:
        """Keep the chains after a leg."""

        def keep(chains: Chains, wanted: int) -> None:
            if self.work is not None:
                content = io.BytesIO()
                np.savez(content, allow_pickle=False, **chains.arrays())
                self.work.keep(CHAINS, content.getvalue())
            on_progress(chains.n_legs, wanted)

        return keep

    def on_variant(self, on_progress: Progress) -> Callable[[list[dict[str, Any]], int, int], None]:
        """Keep the variants after each."""

        def keep(rows: list[dict[str, Any]], done: int, wanted: int) -> None:
            if self.work is not None:
                self.work.keep(VARIANTS, json.dumps(rows).encode("utf-8"))
            on_progress(done, wanted)

        return keep
