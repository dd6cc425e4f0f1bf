"""A real scheduler and two real worker processes on this machine, one of which is killed during the run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.simulation import cluster as cluster_module

distributed = pytest.importorskip("distributed")

QUIET = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "error"}


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, address: str, workers: list[subprocess.Popen[bytes]]) -> None:
        self.address = address
        self.workers = workers

    def kill_one(self) -> None:
        os.killpg(self.workers.pop().pid, signal.SIGKILL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:

        def started(*command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
                cwd=tmp_path, env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(kill_group, process)
            return process

        file = tmp_path / "scheduler.json"
        started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", str(file)]
        workers = [started("dask_worker", *options) for _ in range(2)]
        with distributed.Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            yield Cluster(client.scheduler.address, workers)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
@pytest.mark.filterwarnings("ignore")  # of the cluster's own making, when a worker dies
@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_digest_of_one_machine(tosi2000: ts.Scenario, cluster: Cluster) -> None:
    seen: list[int] = []

    def on_progress(done: int, wanted: int) -> None:
        seen.append(done)
        if len(seen) == 3:
            assert done < wanted, "all was done before a worker was killed"
            cluster.kill_one()

    started = time.monotonic()
    spread = ts.run(tosi2000, 4000, 9, engine="batch", cluster=cluster.address, block_size=50, on_progress=on_progress)
    assert len(cluster.workers) == 1, "one was killed"
    assert spread.digest == ts.run(tosi2000, 4000, 9, engine="batch").digest
    assert seen[-1] == 4000
    assert time.monotonic() - started < 300


@pytest.fixture
def _no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that has failed goes on trying, and prints a traceback when it gives up: none may be made."""

    def made(*arguments: object, **options: object) -> None:
        raise AssertionError("a client was made")

    monkeypatch.setattr(distributed, "Client", made)
    monkeypatch.setattr(cluster_module, "SECONDS_TO_ANSWER", 1)


@pytest.mark.usefixtures("_no_client")
@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_who_listens_and_is_no_scheduler_is_given_up(tosi2000: ts.Scenario, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        callers: list[socket.socket] = []

        def listen() -> None:
            with contextlib.suppress(OSError):  # the test is over
                while True:
                    callers.append(server.accept()[0])
                    callers[-1].sendall(said)

        threading.Thread(target=listen, daemon=True).start()
        with pytest.raises(ts.RequestError, match="no scheduler answers there"):
            ts.run(tosi2000, 60, cluster=f"tcp://127.0.0.1:{server.getsockname()[1]}")
        assert callers
        for caller in callers:
            caller.close()


@pytest.mark.usefixtures("_no_client")
@pytest.mark.parametrize(
    "address", ["", "foo bar", "tcp://", "tcp://a:b", "http://a:1", "tcp://[::1", "tcp://a:99999", "tcp://a:1:2"]
)
def test_what_is_no_address_is_refused(tosi2000: ts.Scenario, address: str) -> None:
    with pytest.raises(ts.RequestError, match="this is not an address"):
        ts.run(tosi2000, 60, cluster=address)


@pytest.mark.usefixtures("_no_client")
def test_an_address_where_nobody_answers_is_refused(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ts.RequestError, match="no scheduler answers there"):
        ts.run(tosi2000, 100, cluster="tcp://127.0.0.1:9")
