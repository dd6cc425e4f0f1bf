"""What stands in the place of an unfinished run and is not ours is neither followed, waited for nor removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.records.columns import replicate_columns
from trialsim.storage.job_folder import CHAINS, WorkFolder, work_folder, work_folder_of

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and owners")
COLUMNS = replicate_columns(["rash"])
NAMES = ("lock", "run.json", "run.json.new", "replicates.rows", "replicates.sums", CHAINS, f"{CHAINS}.new", "filling",
         "older", "check null.npy")  # fmt: skip


def use(destination: Path) -> None:
    """Everything that a run does with its folder."""
    with work_folder(destination) as work:
        work.begin({"seed": 1})
        work.store(COLUMNS)
        work.keep(CHAINS, b"chains")
        work.kept("check null.npy")
        filled = work.fill()
        (filled / "manifest.json").write_text("{}")
        work.finish(filled)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A user's folder with a file."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "manifest.json").write_text("precious")
    return tmp_path / "precious"


@posix
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["a link to a file", "a link to a folder", "a pipe"])
def test_a_link_or_a_pipe_is_not_followed(tmp_path: Path, precious: Path, name: str, kind: str) -> None:
    work_folder_of(tmp_path / "out").mkdir()
    place = work_folder_of(tmp_path / "out") / name
    if kind == "a pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(precious / "manifest.json" if kind == "a link to a file" else precious)
    try:
        use(tmp_path / "out")
    except ts.DestinationError as error:
        assert str(place) in str(error)  # noqa: PT017  # either is right, a hang or a loss is not
    assert (precious / "manifest.json").read_text() == "precious"


@posix
def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path, precious: Path) -> None:
    work_folder_of(tmp_path / "out").symlink_to(precious)
    with pytest.raises(ts.DestinationError, match="not a folder of this user, or a link"):
        use(tmp_path / "out")
    assert [path.name for path in precious.iterdir()] == ["manifest.json"]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["", "lock", "replicates.rows"])
def test_what_belongs_to_another_user_is_not_used(tmp_path: Path, what: str) -> None:
    with work_folder(tmp_path / "out") as work:
        work.begin({"seed": 1})
        work.store(COLUMNS)
    os.chown(work.path / what, 12345, -1)
    with pytest.raises(ts.DestinationError, match="user"), work_folder(tmp_path / "out") as again:
        again.store(COLUMNS)


@pytest.mark.parametrize("end", [WorkFolder.remove, lambda work: work.begin({"seed": 2})])
def test_files_of_others_stay(tmp_path: Path, end: Callable[[WorkFolder], None]) -> None:
    with work_folder(tmp_path / "out") as work:
        work.begin({"seed": 1})
        work.keep("check null.npy", b"a part")
        (work.path / "data.npy").write_text("precious")
        (work.path / "older").mkdir()
        (work.path / "older" / "notes.md").write_text("precious")
        (work.path / "notes").mkdir()
        end(work)
        assert (work.path / "data.npy").read_text() == "precious"
        assert (work.path / "older" / "notes.md").read_text() == "precious"
        assert (work.path / "notes").is_dir()
        assert not (work.path / "check null.npy").exists()


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "of another run"])
def test_what_does_not_fit_its_checksum_is_not_taken_and_said(tmp_path: Path, damage: str) -> None:
    said: list[str] = []
    with work_folder(tmp_path / "out", on_note=said.append) as work:
        work.begin({"seed": 2 if damage == "of another run" else 1})
        work.keep(CHAINS, b"chains")
        whole = (work.path / CHAINS).read_bytes()
        work.begin({"seed": 1})
        damaged = {"cut": whole[:-1], "emptied": b"", "flipped": b"C" + whole[1:], "of another run": whole}
        (work.path / CHAINS).write_bytes(damaged[damage])
        assert work.kept(CHAINS) is None
        assert "simulated anew" in said[-1]
        work.keep(CHAINS, b"chains")
        assert work.kept(CHAINS) == b"chains"


def test_what_is_kept_when_the_disk_is_full_is_said(tmp_path: Path) -> None:
    def fill_the_disk() -> None:
        with work_folder(tmp_path / "out") as work:
            work.begin({"seed": 1})
            raise OSError(28, "No space left on device")

    with pytest.raises(ts.DestinationError, match=r"No space(.|\n)*is kept in (.|\n)*--resume"):
        fill_the_disk()
    assert WorkFolder(tmp_path / "out").request == {"seed": 1}


def test_a_folder_that_goes_away_meanwhile_is_said(tmp_path: Path) -> None:
    def lose_the_folder() -> None:
        with work_folder(tmp_path / "out") as work:
            work.begin({"seed": 1})
            work.remove()
            work.keep(CHAINS, b"chains")

    with pytest.raises(ts.DestinationError, match="is gone, and with it"):
        lose_the_folder()
