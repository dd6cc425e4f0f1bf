"""Blocks on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Final

from trialsim.errors import RequestError
from trialsim.model.protocol import Protocol
from trialsim.montecarlo.engine import simulate_rows
from trialsim.montecarlo.workers import Crew
from trialsim.records.replicate_store import Rows
from trialsim.source_digest import source_digest

_SECONDS_TO_ANSWER: Final = 10


def rows_on_worker(sources: str, engine: str, protocol: Protocol, seed: int, first: int, n: int) -> Rows:
    """The outcomes of one block on a worker; `RequestError` if the worker has other sources than who asks."""
    if sources != source_digest():
        raise RequestError(
            "--cluster", "a worker has another version of trialsim than this machine.", "the same version everywhere."
        )
    return simulate_rows(engine, protocol, seed, first, n)


@contextmanager
def cluster_crew(address: str) -> Iterator[Crew]:
    """The workers of the scheduler at an address such as `tcp://10.0.0.5:8786`.

    A block whose worker dies is given to another one by the scheduler. Raises `RequestError` where dask.distributed is
    not installed, nobody answers, or there is no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        wrong = "dask.distributed is not installed here."
        raise RequestError(f"--cluster {address}", wrong, 'with it: pip install "trialsim[cluster]".') from error
    try:
        client = Client(address, timeout=_SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        allowed = "the address of a running scheduler, such as tcp://10.0.0.5:8786."
        raise RequestError(f"--cluster {address}", "no scheduler answers there.", allowed) from error
    with client:
        n_threads = sum(client.nthreads().values())
        if n_threads == 0:
            allowed = f"a scheduler with workers; start one with: dask worker {address}"
            raise RequestError(f"--cluster {address}", "the scheduler has no workers.", allowed)
        try:
            with client.get_executor(pure=False) as executor:
                yield Crew(executor, n_threads)
        except CancelledError as error:
            wrong = "the scheduler went away; what was finished is kept."
            raise RequestError(f"--cluster {address}", wrong, "a running scheduler, and --resume.") from error
