"""Outcomes on disk are the table, column by column, whatever its length."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trialsim.endpoints.responses import USUAL
from trialsim.errors import DestinationError
from trialsim.files.owned import NotOursError
from trialsim.records.columns import conform, replicate_columns
from trialsim.records.digest import results_digest
from trialsim.storage import replicate_store
from trialsim.storage.replicate_store import ReplicateStore, rows_of

COLUMNS = replicate_columns(USUAL, ["rash", "nausea"])


def table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    values = {column.name: rng.integers(0, 30, n) + (0.25 if column.dtype == "float64" else 0) for column in COLUMNS}
    found = pd.DataFrame(values | {"replicate": np.arange(1, n + 1)})
    found.loc[::3, "median_follow_up_responders_days"] = np.nan
    return conform(found, COLUMNS)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicate_store, "ROWS_AT_ONCE", 7)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("n", [0, 1, 7, 50])
def test_the_store_holds_what_was_appended_and_its_digest_is_that_of_the_table(n: int, tmp_path: Path) -> None:
    whole = table(n)
    store = ReplicateStore(COLUMNS)
    for first in range(0, n, 4):
        store.append(rows_of(whole.iloc[first : first + 4], COLUMNS))
    pd.testing.assert_frame_equal(store.table(), whole, check_exact=True)
    assert store.digest() == results_digest(whole)
    np.testing.assert_array_equal(store["n_died"], whole["n_died"])
    store.write_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), whole, check_exact=True)
    again = ReplicateStore(COLUMNS)
    again.append_parquet(tmp_path / "table.parquet")
    assert again.digest() == store.digest()


@pytest.mark.usefixtures("small_parts")
def test_the_first_replicates_are_a_store_of_their_own() -> None:
    store = ReplicateStore(COLUMNS)
    store.append(rows_of(table(30), COLUMNS))
    assert store.first(11).digest() == results_digest(table(30).head(11))
    assert store.first(99).n == 30
    assert store.head(3)["replicate"].tolist() == [1, 2, 3]


def kept(path: Path) -> ReplicateStore:
    """A store of ten replicates in a file, in blocks of three."""
    rows = rows_of(table(10), COLUMNS)
    store = ReplicateStore(COLUMNS, path, salt=b"a run")
    for first in range(0, 10, 3):
        store.append(rows[first : first + 3])
    return store


def test_a_file_is_read_again_up_to_the_first_block_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.rows"
    digest = kept(path).digest()
    assert digest == results_digest(table(10))
    again = ReplicateStore(COLUMNS, path, salt=b"a run")
    assert (again.n, again.digest(), again.is_damaged) == (10, digest, False)
    whole = path.read_bytes()
    size = again.row_type.itemsize
    for damaged, n in (
        (whole[:-1], 9),
        (whole[: 6 * size], 6),
        (whole[: 4 * size] + bytes([whole[4 * size] ^ 1]) + whole[4 * size + 1 :], 3),
        (whole[: 3 * size] + whole[6 * size :], 3),
        (b"", 0),
    ):
        for name in (path, path.with_suffix(".sums")):
            name.unlink()
        kept(path)
        path.write_bytes(damaged)
        look = ReplicateStore(COLUMNS, path, may_write=False, salt=b"a run")
        assert (look.n, look.is_damaged) == (n, True)
        assert path.read_bytes() == damaged, "a look changes nothing"
        again = ReplicateStore(COLUMNS, path, salt=b"a run")
        assert again.n == n
        again.append(rows_of(table(10), COLUMNS)[n:])
        assert ReplicateStore(COLUMNS, path, salt=b"a run").digest() == digest


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.rows"
    kept(path)
    rng = np.random.default_rng()
    for name in (path, path.with_suffix(".sums")):
        whole = name.read_bytes()
        for place in rng.integers(0, len(whole), 40):
            bit = 1 << int(rng.integers(0, 8))
            name.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            look = ReplicateStore(COLUMNS, path, may_write=False, salt=b"a run")
            assert look.is_damaged
            assert look.table().equals(table(10).head(look.n))
        name.write_bytes(whole)


def test_rows_of_something_else_do_not_fit(tmp_path: Path) -> None:
    kept(tmp_path / "a.rows")
    assert ReplicateStore(COLUMNS, tmp_path / "a.rows", may_write=False, salt=b"another run").n == 0


@pytest.mark.parametrize("n", [0, 2, 3, 7, 10])
def test_what_is_left_of_a_cut_store_fits(tmp_path: Path, n: int) -> None:
    store = kept(tmp_path / "a.rows")
    store.cut(n)
    again = ReplicateStore(COLUMNS, tmp_path / "a.rows", may_write=False, salt=b"a run")
    assert (again.n, again.is_damaged) == (n, False)
    assert again.table().equals(table(10).head(n))


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
@pytest.mark.parametrize("name", ["a.rows", "a.sums"])
@pytest.mark.parametrize("kind", ["a link", "a hard link", "a pipe"])
def test_only_regular_files_of_ours_are_opened(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "precious").write_text("precious")
    if kind == "a link":
        (tmp_path / name).symlink_to(tmp_path / "precious")
    elif kind == "a hard link":
        (tmp_path / name).hardlink_to(tmp_path / "precious")
    else:
        os.mkfifo(tmp_path / name)
    for may_write in (True, False):
        with pytest.raises(NotOursError):
            ReplicateStore(COLUMNS, tmp_path / "a.rows", may_write=may_write)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_leaves_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rows = ReplicateStore(COLUMNS), rows_of(table(10), COLUMNS)
    store.append(rows[:4])
    room = store._file
    with Path("/dev/full").open("r+b", buffering=0) as store._file, pytest.raises(DestinationError, match="TMPDIR"):
        store.append(rows[4:])
    store._file = room
    assert store.n == 4
    store.append(rows[4:])
    assert store.digest() == results_digest(table(10))


def test_replicates_that_do_not_follow_are_refused() -> None:
    rows = rows_of(table(10), COLUMNS)
    store = ReplicateStore(COLUMNS)
    store.append(rows[:4])
    with pytest.raises(ValueError, match="do not follow number 4"):
        store.append(rows[5:])
    assert store.n == 4


def test_a_table_of_something_else_is_not_taken(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "table.parquet")
    with pytest.raises(ValueError, match="other columns"):
        ReplicateStore(COLUMNS).append_parquet(tmp_path / "table.parquet")
