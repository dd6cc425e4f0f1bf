"""Outcomes on disk are the table, column by column, whatever its length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trialsim.records import replicate_store
from trialsim.records.columns import conform, replicate_columns
from trialsim.records.digest import results_digest
from trialsim.records.replicate_store import ReplicateStore, rows_of

COLUMNS = replicate_columns(["rash", "nausea"])


def table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    values = {column.name: rng.integers(0, 30, n) + (0.25 if column.dtype == "float64" else 0) for column in COLUMNS}
    found = pd.DataFrame(values | {"replicate": np.arange(1, n + 1)})
    found.loc[::3, "median_follow_up_responders_days"] = np.nan
    return conform(found, COLUMNS)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicate_store, "_ROWS_AT_ONCE", 7)


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


def test_a_file_is_read_again_up_to_where_it_is_whole(tmp_path: Path) -> None:
    rows = rows_of(table(10), COLUMNS)
    (tmp_path / "rows").write_bytes(rows.tobytes())
    assert ReplicateStore(COLUMNS, tmp_path / "rows").n == 10
    (tmp_path / "rows").write_bytes(rows.tobytes()[:-1])
    assert ReplicateStore(COLUMNS, tmp_path / "rows").n == 8, "the last whole row may be torn as well"
    (tmp_path / "rows").write_bytes(rows[:5].tobytes() + rows[8:].tobytes())
    assert ReplicateStore(COLUMNS, tmp_path / "rows").n == 4


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
