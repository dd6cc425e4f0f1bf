"""Machine code is loaded only from where nobody else can write, and only undamaged."""

from __future__ import annotations

import os
import pickle
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import numba
import pytest

from trialsim.compiled import code_cache
from trialsim.compiled.code_cache import CACHE_VARIABLE, CODE, CodeCache, cache_folder, cache_problem, has_code

posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for the cache, looked at anew by this test."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "new" / "cache"))
    code_cache._folder_and_problem.cache_clear()
    yield tmp_path / "new" / "cache"
    code_cache._folder_and_problem.cache_clear()


def add_one(x: int) -> int:
    return x + 1


def add_one_by(folder: Path) -> numba.core.dispatcher.Dispatcher:
    function = numba.njit(add_one)
    function._cache = CodeCache(add_one, folder)
    return function


def kept_in(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix == CODE)


@posix
def test_every_folder_that_is_made_is_the_users_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        folder = cache_folder()
    finally:
        os.umask(before)
    assert folder is not None
    for path in (folder, home, home.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("mode", [0o777, 0o757, 0o722])
def test_a_place_that_others_may_write_is_not_used(home: Path, mode: int) -> None:
    home.mkdir(parents=True)
    home.chmod(mode)
    assert cache_folder() is None
    assert f"others may write {home}" in cache_problem()


@posix
def test_a_folder_of_machine_code_that_others_may_write_is_not_used(home: Path) -> None:
    folder = cache_folder()
    assert folder is not None
    folder.chmod(0o770)
    code_cache._folder_and_problem.cache_clear()
    assert cache_folder() is None
    assert "others may write" in cache_problem()


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["the folder", "its parent"])
def test_a_folder_of_another_user_is_not_used(home: Path, what: str) -> None:
    folder = cache_folder()
    assert folder is not None
    os.chown(folder if what == "the folder" else home, 12345, -1)
    code_cache._folder_and_problem.cache_clear()
    assert cache_folder() is None
    assert "user" in cache_problem()


@posix
def test_a_link_in_place_of_the_folder_is_not_followed(home: Path) -> None:
    folder = cache_folder()
    assert folder is not None
    folder.rename(home / "elsewhere")
    folder.symlink_to(home / "elsewhere")
    code_cache._folder_and_problem.cache_clear()
    assert cache_folder() is None


def test_only_our_own_old_folders_are_removed(home: Path) -> None:
    folder = cache_folder()
    assert folder is not None
    names = [f"compiled-{i:016x}" for i in range(8)]
    for name in (*names, "compiled-thesis"):
        (home / name).mkdir()
        os.utime(home / name, (0, 0))
    code_cache._folder_and_problem.cache_clear()
    assert cache_folder() == folder
    left = {path.name for path in home.iterdir()}
    assert "compiled-thesis" in left
    assert len(left & set(names)) == 4


def test_machine_code_is_kept_and_loaded(tmp_path: Path) -> None:
    assert add_one_by(tmp_path)(1) == 2
    again = add_one_by(tmp_path)
    assert has_code(again, tmp_path)
    assert again(1) == 2
    assert sum(again.stats.cache_hits.values()) == 1


@pytest.mark.parametrize(
    "damage", ["empty", "cut", "a flipped byte", "a directory", "another file", "a link", "a pipe"]
)
def test_damaged_machine_code_is_forgotten_and_compiled_anew(tmp_path: Path, damage: str) -> None:
    add_one_by(tmp_path)(1)
    path = kept_in(tmp_path)
    whole = path.read_bytes()
    path.unlink()
    if damage == "a directory":
        path.mkdir()
        (path / "something").write_bytes(whole)
    elif damage == "a link":
        (tmp_path / "elsewhere").write_bytes(whole)
        path.symlink_to(tmp_path / "elsewhere")
    elif damage == "a pipe":
        os.mkfifo(path)
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        damaged = {"empty": b"", "cut": whole[:-7], "a flipped byte": flipped, "another file": pickle.dumps(1)}
        path.write_bytes(damaged[damage])
    again = add_one_by(tmp_path)
    assert again(1) == 2
    assert sum(again.stats.cache_hits.values()) == 0
    third = add_one_by(tmp_path)
    assert third(1) == 2
    assert sum(third.stats.cache_hits.values()) == 1


def test_a_full_disk_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_cache, "write_checked", no_room)
    assert add_one_by(tmp_path)(1) == 2
    shutil.rmtree(tmp_path)
    assert add_one_by(tmp_path)(1) == 2, "the folder went away"
    assert not has_code(add_one, tmp_path)
