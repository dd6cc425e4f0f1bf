"""Ctrl-C inside a step of the sampler: no dump of emcee, the leg is left out, and the chains go on from there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from trialsim.calibration.sampling import Chains, Ensembles
from trialsim.typing import Floats


def normal(z: Floats) -> Floats:
    return np.asarray(-0.5 * (z**2).sum(axis=1))


def ensembles_that_are_interrupted(at_call: int) -> Ensembles:
    """Ensembles whose density is asked for the so-many-th time when Ctrl-C comes."""
    n_calls = 0

    def log_posterior(z: Floats) -> Floats:
        nonlocal n_calls
        n_calls += 1
        if n_calls == at_call:
            os.kill(os.getpid(), signal.SIGINT)
        return normal(z)

    return Ensembles(log_posterior, 2, seed=1, n_ensembles=2)


@pytest.fixture
def default_handler() -> Iterator[None]:
    """Ctrl-C as in a terminal, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
@pytest.mark.parametrize("at_call", [1, 4, 30, 60])
def test_ctrl_c_in_a_step_prints_nothing_and_can_be_resumed(at_call: int, capfd: pytest.CaptureFixture[str]) -> None:
    chains, undisturbed = Chains(), Chains()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(ensembles_that_are_interrupted(at_call).grow(chains, 14))
    assert capfd.readouterr() == ("", "")
    assert signal.getsignal(signal.SIGINT) is handler
    plain = Ensembles(normal, 2, seed=1, n_ensembles=2)
    list(plain.grow(chains, 14))
    list(plain.grow(undisturbed, 14))
    assert np.array_equal(chains.kept, undisturbed.kept)


def test_sampling_in_a_thread_leaves_signals_alone() -> None:
    chains = Chains()
    thread = threading.Thread(target=lambda: list(Ensembles(normal, 2, seed=1, n_ensembles=2).grow(chains, 1)))
    thread.start()
    thread.join()
    assert chains.n_legs == 1
