"""What stands in the place of an unfinished run and is not ours is neither followed, waited for nor removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import trialsim as ts
from trialsim.endpoints.responses import USUAL
from trialsim.records.columns import replicate_columns
from trialsim.storage.checkpoint import PART, ROWS
from trialsim.storage.job_folder import JobFolder, job_folder_path, locked_job_folder

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and owners")
COLUMNS = replicate_columns(USUAL, ["rash"])
CHAINS = f"chains{PART}"
CHECK = f"check null{PART}"
PARTS = {"numbers": np.arange(3)}
NAMES = ("lock", "run.json", "run.json.new", ROWS, "replicates.sums", CHAINS, f"{CHAINS}.new", "filling",
         "older", CHECK)  # fmt: skip


def use(destination: Path) -> None:
    """Everything that a run does with its folder."""
    with locked_job_folder(destination) as job:
        job.checkpoint.begin({"seed": 1})
        job.checkpoint.store(COLUMNS)
        job.checkpoint.write("chains", PARTS)
        job.checkpoint.read("check null")
        with job.results() as folder:
            (folder / "manifest.json").write_text("{}")


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
    job_folder_path(tmp_path / "out").mkdir()
    place = job_folder_path(tmp_path / "out") / name
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
    job_folder_path(tmp_path / "out").symlink_to(precious)
    with pytest.raises(ts.DestinationError, match="not a folder of this user, or a link"):
        use(tmp_path / "out")
    assert [path.name for path in precious.iterdir()] == ["manifest.json"]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["", "lock", ROWS])
def test_what_belongs_to_another_user_is_not_used(tmp_path: Path, what: str) -> None:
    with locked_job_folder(tmp_path / "out") as job:
        job.checkpoint.begin({"seed": 1})
        job.checkpoint.store(COLUMNS)
    os.chown(job.path / what, 12345, -1)
    with pytest.raises(ts.DestinationError, match="user"), locked_job_folder(tmp_path / "out") as again:
        again.checkpoint.store(COLUMNS)


@pytest.mark.parametrize("end", [JobFolder.remove, lambda job: job.checkpoint.begin({"seed": 2})])
def test_files_of_others_stay(tmp_path: Path, end: Callable[[JobFolder], None]) -> None:
    with locked_job_folder(tmp_path / "out") as job:
        job.checkpoint.begin({"seed": 1})
        job.checkpoint.write("check null", PARTS)
        (job.path / "data.npy").write_text("precious")
        (job.path / "older").mkdir()
        (job.path / "older" / "notes.md").write_text("precious")
        (job.path / "notes").mkdir()
        end(job)
        assert (job.path / "data.npy").read_text() == "precious"
        assert (job.path / "older" / "notes.md").read_text() == "precious"
        assert (job.path / "notes").is_dir()
        assert not (job.path / CHECK).exists()


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "of another run"])
def test_what_does_not_fit_its_checksum_is_not_taken_and_said(tmp_path: Path, damage: str) -> None:
    said: list[str] = []
    with locked_job_folder(tmp_path / "out", on_note=said.append) as job:
        job.checkpoint.begin({"seed": 2 if damage == "of another run" else 1})
        job.checkpoint.write("chains", PARTS)
        whole = (job.path / CHAINS).read_bytes()
        job.checkpoint.begin({"seed": 1})
        damaged = {"cut": whole[:-1], "emptied": b"", "flipped": b"C" + whole[1:], "of another run": whole}
        (job.path / CHAINS).write_bytes(damaged[damage])
        assert job.checkpoint.read("chains") is None
        assert "simulated anew" in said[-1]
        job.checkpoint.write("chains", PARTS)
        read = job.checkpoint.read("chains")
        assert read is not None
        assert read["numbers"].tolist() == [0, 1, 2]


def test_what_is_kept_when_the_disk_is_full_is_said(tmp_path: Path) -> None:
    def fill_the_disk() -> None:
        with locked_job_folder(tmp_path / "out") as job:
            job.checkpoint.begin({"seed": 1})
            raise OSError(28, "No space left on device")

    with pytest.raises(ts.DestinationError, match=r"No space(.|\n)*is kept in (.|\n)*--resume"):
        fill_the_disk()
    assert JobFolder(tmp_path / "out").checkpoint.request == {"seed": 1}


def test_a_folder_that_goes_away_meanwhile_is_said(tmp_path: Path) -> None:
    def lose_the_folder() -> None:
        with locked_job_folder(tmp_path / "out") as job:
            job.checkpoint.begin({"seed": 1})
            job.remove()
            job.checkpoint.write("chains", PARTS)

    with pytest.raises(ts.DestinationError, match="is gone, and with it"):
        lose_the_folder()
