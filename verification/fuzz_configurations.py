"""Mutants of every shipped YAML file, each read as `trialsim check` reads it: accepted, or refused in words.

Anything else is a failure: a traceback, more than 10 s, more than 2 GB, a crash of the interpreter, a message that
cannot be printed, a scenario that does not read back equal. Mutants are the same for the same seed. They are read in
worker processes, each of which is started again after a crash. Counts by file and kind go to
results/verification/fuzzing.json; exits with 1 if there was a failure.

    python -m verification.fuzz_configurations [mutants per file] [seed] [workers]
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from trialsim.config import parse_value, protocol_of, scenario_from_mapping
from trialsim.config.loading.scenarios import load_scenario
from trialsim.config.source.builtin import builtin_folder, kind_of
from trialsim.errors import InputError
from trialsim.report.description import describe
from verification.mutations import mutant

RECORD = Path(__file__).parents[1] / "results" / "verification" / "fuzzing.json"
SECONDS = 10.0
GIGABYTES = 2.0
SEED = 1
EVERY = 5  # of the mutants of a scenario this one is read in full
_STUDY = """study: compare
title: Two strategies
scenario: tosi2000
variants: {{one: {{strategy: {file}}}, other: {{}}}}
endpoints: [partial response]
"""

Outcome = tuple[int, str, str, float]  # number of the mutant, kind of change, what came of it, seconds


class TooSlow(BaseException):  # not to be caught by what is tested
    """A mutant took longer than it may."""


def shipped_files() -> list[Path]:
    """Every YAML file that comes with the package."""
    return sorted(builtin_folder().rglob("*.yaml"))


def read_mutant(path: Path, is_strategy: bool, in_full: bool) -> str:
    """Read a file as `trialsim check` does: "accepted", "refused", or what went wrong.

    Only `in_full` is the synopsis of a scenario written too, and its resolved text read again.
    """
    try:
        if is_strategy:
            study = path.with_name("study.yaml")
            study.write_text(_STUDY.format(file=path), encoding="utf-8")
            describe(str(study), {})
            return "accepted"
        if kind_of(str(path)) != "scenarios":
            describe(str(path), {}).encode("utf-8")
            return "accepted"
        scenario = load_scenario(path)
        protocol_of(scenario)
        if in_full:
            describe(str(path), {}).encode("utf-8")
            if scenario_from_mapping(parse_value(scenario.to_yaml())) != scenario:
                return "failure: the resolved scenario does not read back equal"
    except InputError as error:
        str(error).encode("utf-8")
        return "refused"
    return "accepted"


def outcome_of(path: Path, is_strategy: bool, in_full: bool) -> str:
    """What reading a file came to, within the limit of time."""
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return read_mutant(path, is_strategy, in_full)
    except TooSlow:
        return f"failure: more than {SECONDS:g} s"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"failure: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:200]!r}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _end(signum: int, frame: object) -> None:
    raise TooSlow


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + int(GIGABYTES * 1e9)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def read_mutants(pipe: Connection, numbers: list[int], seed: int) -> None:
    """Worker: read the mutants of these numbers; each is announced before, and its outcome sent after."""
    files = shipped_files()
    texts = [file.read_text(encoding="utf-8") for file in files]
    for file in files:  # imports everything, so that the limit of memory holds for the mutants alone
        if file.parent.name != "strategies":
            read_mutant(file, is_strategy=False, in_full=True)
    _limit_memory()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.yaml"
        for number in numbers:
            position, of_file = number % len(files), number // len(files)
            file = files[position]
            kind, content = mutant(texts[position], texts, f"{seed}/{file.parent.name}/{file.name}/{of_file}")
            path.write_bytes(content)
            pipe.send((number, kind, "", 0.0))
            started = time.perf_counter()
            outcome = outcome_of(path, file.parent.name == "strategies", of_file % EVERY == 0)
            pipe.send((number, kind, outcome, time.perf_counter() - started))
    pipe.send(None)


def collect(numbers: list[int], seed: int, received: Callable[[Outcome], None]) -> None:
    """Give the outcome of every mutant to `received`; a dead worker is replaced."""
    context = multiprocessing.get_context("spawn")
    while numbers:
        pipe, end = context.Pipe(duplex=False)
        worker = context.Process(target=read_mutants, args=(end, numbers, seed), daemon=True)
        worker.start()
        end.close()
        done, current = 0, None
        with contextlib.suppress(EOFError):
            while pipe.poll(6.0 * SECONDS) and (message := pipe.recv()) is not None:
                current = message
                if message[2]:
                    received(message)
                    done += 1
        if done < len(numbers) and current is not None and not current[2]:
            received((current[0], current[1], "failure: the worker crashed or hung", 0.0))
            done += 1
        numbers = numbers[done:]
        worker.kill()
        worker.join()


def collect_all(n_each: int, seed: int, n_workers: int) -> list[Outcome]:
    """The outcomes of all mutants, read by several workers."""
    n_files = len(shipped_files())
    total = n_each * n_files
    outcomes: list[Outcome] = []
    lock = threading.Lock()

    def received(outcome: Outcome) -> None:
        with lock:
            outcomes.append(outcome)
            if outcome[2].startswith("failure"):
                print(*outcome, file=sys.stderr, flush=True)
            if len(outcomes) % 500 == 0:
                print(f"{len(outcomes):,} of {total:,} mutants", file=sys.stderr, flush=True)
            if len(outcomes) % 5000 == 0:
                write_record(outcomes, n_each, seed)

    shares = [[k for k in range(total) if k // n_files % n_workers == i] for i in range(n_workers)]
    threads = [threading.Thread(target=collect, args=(share, seed, received), daemon=True) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def write_record(outcomes: list[Outcome], n_each: int, seed: int) -> dict[str, Any]:
    """Write counts by file and by kind, and every failure; also while the rest is still to be read."""
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024.0
    names = [f"{file.parent.name}/{file.name}" for file in shipped_files()]
    by_file: dict[str, Counter[str]] = {name: Counter() for name in names}
    by_kind: dict[str, Counter[str]] = {}
    for number, kind, outcome, _ in sorted(outcomes):
        word = outcome.split(":")[0]
        by_file[names[number % len(names)]][word] += 1
        by_kind.setdefault(kind, Counter())[word] += 1
    failures = [
        {"file": names[number % len(names)], "number": number // len(names), "kind": kind, "outcome": outcome}
        for number, kind, outcome, _ in sorted(outcomes)
        if outcome.startswith("failure")
    ]
    record = {
        "seed": seed, "mutants per file": n_each, "mutants": len(outcomes), "failures": failures[:100],
        "n_failures": len(failures), "longest seconds": round(max(item[3] for item in outcomes), 2),
        "most memory GB": round(memory / 1e9, 2),
        "by kind": {kind: dict(sorted(counts.items())) for kind, counts in sorted(by_kind.items())},
        "by file": {name: dict(sorted(counts.items())) for name, counts in by_file.items()},
    }  # fmt: skip
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record


def main() -> None:
    n_each = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    n_workers = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    record = write_record(collect_all(n_each, seed, n_workers), n_each, seed)
    print(f"{record['mutants']:,} mutants, {record['n_failures']} failures; see {RECORD}")
    for failure in record["failures"]:
        print(f"  {failure['file']} {failure['number']} ({failure['kind']}): {failure['outcome']}")
    sys.exit(1 if record["n_failures"] else 0)


if __name__ == "__main__":
    main()
