"""Blocks on the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Final

from trialsim.compiled.source_digest import source_digest
from trialsim.errors import OptionError, RequestError
from trialsim.simulation.trials import Trials
from trialsim.simulation.workers import WorkerPool
from trialsim.storage.replicate_store import Rows

SECONDS_TO_ANSWER: Final = 10
_DEFAULT_PORT: Final = 8786
_ALLOWED: Final = "the address of a running scheduler, such as tcp://10.0.0.5:8786."


def rows_on_worker(sources: str, trials: Trials, engine: str, seed: int, first: int, n: int) -> Rows:
    """The outcomes of one block on a worker; `RequestError` if the worker has other sources than who asks."""
    if sources != source_digest():
        raise OptionError(
            "--cluster", "a worker has another version of trialsim than this machine.", "the same version everywhere."
        )
    return trials.rows(engine, seed, first, n)


@contextmanager
def cluster_pool(address: str) -> Iterator[WorkerPool]:
    """The workers of the scheduler at an address such as `tcp://10.0.0.5:8786`.

    A block whose worker dies is given to another one by the scheduler. Raises `RequestError` where dask.distributed is
    not installed, nobody answers, or there is no worker.
    """
    try:
        from distributed import Client
        from distributed.comm import CommClosedError
    except ImportError as error:
        problem = "dask.distributed is not installed here."
        raise OptionError(f"--cluster {address}", problem, 'with it: pip install "trialsim[cluster]".') from error
    _check_answer(address)
    try:
        client = Client(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _silent(address) from error
    with client:
        n_threads = sum(client.nthreads().values())
        if n_threads == 0:
            allowed = f"a scheduler with workers; start one with: dask worker {address}"
            raise OptionError(f"--cluster {address}", "the scheduler has no workers.", allowed)
        try:
            with client.get_executor(pure=False) as executor:
                yield WorkerPool(executor, n_threads)
        except (CancelledError, CommClosedError) as error:
            problem = "the scheduler went away; what was finished is kept."
            raise OptionError(f"--cluster {address}", problem, "a running scheduler, and --resume.") from error


def _check_answer(address: str) -> None:
    """Raises `RequestError` unless a scheduler answers at an address, all in all within the time for that.

    A client of Dask waits longer for who listens and says nothing, and goes on trying after it has failed. So one is
    made only for a scheduler that has answered this question.
    """
    _check_form(address)
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(_identity(address)), daemon=True)
    thread.start()
    thread.join(SECONDS_TO_ANSWER + 1)  # looking up a name cannot be interrupted
    answer = answers[0] if answers else None
    if not isinstance(answer, Mapping):
        raise _silent(address)
    if answer.get("type") != "Scheduler":
        problem = f"a {str(answer.get('type'))[:40]} of Dask answers there, not a scheduler."
        raise OptionError(f"--cluster {address}", problem, _ALLOWED)


def _identity(address: str) -> object:
    """Who answers at an address; None if nobody does, or not in the language of Dask."""
    from distributed.comm import connect
    from distributed.core import send_recv
    from distributed.security import Security

    async def ask() -> object:
        comm = await connect(address, timeout=SECONDS_TO_ANSWER, **Security().get_connection_args("client"))
        try:
            return await send_recv(comm, op="identity")
        finally:
            comm.abort()

    try:
        return asyncio.run(asyncio.wait_for(ask(), SECONDS_TO_ANSWER))
    except Exception:  # whatever another kind of server said
        return None


def _check_form(address: str) -> None:
    """Raises `RequestError` for what is not an address."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import backends

    try:
        scheme, place = parse_address(address)
        host, port = parse_host_port(place, _DEFAULT_PORT)
    except ValueError as error:
        raise OptionError(f"--cluster {address}", "this is not an address.", _ALLOWED) from error
    is_host = bool(host) and not any(one.isspace() or one in "/\\@?#" or not one.isprintable() for one in host)
    if scheme not in backends or not is_host or not 0 < port < 65536:
        raise OptionError(f"--cluster {address}", "this is not an address.", _ALLOWED)


def _silent(address: str) -> RequestError:
    return OptionError(f"--cluster {address}", "no scheduler answers there.", _ALLOWED)
