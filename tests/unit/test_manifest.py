"""A manifest is read if a run wrote it; an edited one has its message."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import trialsim as ts
from trialsim.storage.manifest import read_manifest


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = ts.run(ts.load_scenario("tosi2000"), 2, 4).save(tmp_path_factory.mktemp("written") / "out")
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_every_committed_manifest_is_read() -> None:
    paths = list((Path(__file__).parents[2] / "results").rglob("manifest.json"))
    assert {read_manifest(path)["command"] for path in paths} == {
        "run", "calibrate", "calibrate study", "compare", "size",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", "3", r'seed = "3"'),
        ("seed", -1, "whole number"),
        ("seed", 2**64, "whole number"),
        ("seed", True, "whole number"),
        ("seed", 1.5, "whole number"),
        ("replicates", None, "replicates = null"),
        ("replicates", [1], "whole number"),
        ("replicates", 10**4000, "a huge number"),
        ("kept_replicates", {}, "whole number"),
        ("scenario", [], "this is not a mapping"),
        ("scenario", "tosi2000", "this is not a mapping"),
        ("engine", 3, "this is not a text"),
        ("is_complete", "yes", "true or false"),
        ("seconds", "long", "a finite number"),
        ("seconds", 10**4000, "a finite number"),
        ("command", "compare", "this entry is"),
        ("command", "dance", "this is not a command"),
        ("command", ["run"], "this is not a command"),
        ("schema_version", "1", "its schema is 1"),
        ("surprise", 1, "this entry is not known here"),
    ],
)
def test_an_edited_manifest_has_its_message(
    tmp_path: Path, written: dict[str, Any], name: str, value: object, message: str
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**written, name: value}), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match=message):
        ts.run_again(path)


def test_a_folder_with_an_edited_manifest_is_not_replaced(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    out = ts.run(tosi2000, 2, 4).save(tmp_path / "out")
    text = (out / "manifest.json").read_text(encoding="utf-8")
    (out / "manifest.json").write_text(text.replace('"replicates": 2', '"replicates": null'), encoding="utf-8")
    with pytest.raises(ts.DestinationError, match=r"manifest.json, replicates = null: this is not a whole number"):
        ts.run(tosi2000, 2, 4, out=out)


def test_a_missing_entry_has_its_message(tmp_path: Path, written: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({key: value for key, value in written.items() if key != "seed"}), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match=r"seed\n  this entry is missing"):
        ts.run_again(path)


@pytest.mark.parametrize(
    "content", [b"", b"no JSON", b"[]", b"3", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"command": 1e999', b"9" * 5000]
)
def test_what_is_not_a_manifest_has_its_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(ts.ConfigurationError, match="this is not a manifest"):
        ts.run_again(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder"])
def test_a_manifest_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "manifest.json"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(ts.ConfigurationError, match="this is not a manifest"):
        ts.run_again(path)


@pytest.mark.parametrize("scenario", [{}, {"parameters": []}, {"parameters": None, "accrual": [1]}])
def test_a_manifest_with_another_scenario_is_refused_as_a_scenario(
    tmp_path: Path, written: dict[str, Any], scenario: dict[str, Any]
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**written, "scenario": scenario}), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError):
        ts.run_again(path)
