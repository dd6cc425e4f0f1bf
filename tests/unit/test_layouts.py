"""What a results folder holds is declared once: results have every attribute, and each entry of a manifest a type."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.storage.layouts import ENTRY_TYPES, LAYOUTS
from trialsim.storage.manifest import MANIFEST
from trialsim.storage.results_folder import FILES
from trialsim.workflows.result import CommandResult

RESULTS: dict[str, type[CommandResult]] = {
    "run": ts.Result, "calibrate": ts.Calibrated, "calibrate study": ts.CalibratedStudy, "compare": ts.Compared,
    "size": ts.Sized,
}  # fmt: skip


@pytest.mark.parametrize("command", LAYOUTS)
def test_a_result_has_an_attribute_for_every_declared_file(command: str) -> None:
    result, layout = RESULTS[command], LAYOUTS[command]
    assert result.layout is layout
    names = {item.name for item in fields(result)} | set(dir(result))
    assert {file.attribute for file in layout.files} <= names


@pytest.mark.parametrize("command", LAYOUTS)
def test_every_entry_of_a_manifest_has_a_type(command: str) -> None:
    layout = LAYOUTS[command]
    assert set(layout.entries) <= set(ENTRY_TYPES)
    assert {*layout.configuration, *layout.defaults} <= set(layout.entries)


def test_a_folder_holds_only_declared_files(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    folder = ts.run(tosi2000, 3, 4).save(tmp_path / "out", figures=("png", "svg", "pdf"))
    names = {path.name for path in folder.iterdir()}
    assert names <= {MANIFEST, *LAYOUTS["run"].file_names} <= FILES
