"""The manifest of a results folder: enough to run it again."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from trialsim.errors import ConfigurationError, Problem

MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 1
PACKAGES: Final = ("trialsim", "simpy", "numba", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "matplotlib")
CALIBRATION_PACKAGES: Final = ("emcee", "arviz-stats")


def installed_versions(*more: str) -> dict[str, str]:
    """The versions of Python and of the packages that results may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in (*PACKAGES, *more)}}


def this_machine() -> dict[str, Any]:
    """What kind of machine this is; nothing that names it."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "byte_order": sys.byteorder,
    }


@dataclass(frozen=True)
class Manifest:
    """What was run, with what, on what, for how long, and the digest of what came out.

    `strategy` names the Python function that decided in place of the rules, if one did.
    """

    verb: str
    scenario: dict[str, Any]
    scenario_digest: str
    seed: int
    replicates: int
    kept_replicates: int
    engine: str
    results_digest: str
    seconds: float
    is_complete: bool = True
    strategy: str = ""
    workers: int = 1
    schema_version: int = SCHEMA_VERSION
    versions: dict[str, str] = field(default_factory=installed_versions)
    machine: dict[str, Any] = field(default_factory=this_machine)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        write_manifest(folder, asdict(self))


@dataclass(frozen=True)
class CalibrationManifest:
    """What was calibrated, with what, on what, for how long, and the digest of the draws that came out.

    `patients_per_patient` and `seed_of_draws` fix the simulated cell probabilities, `seed` the chains.
    """

    cohort: str
    scenario: dict[str, Any]
    scenario_digest: str
    seed: int
    seed_of_draws: int
    patients_per_patient: int
    ensembles: int
    steps: int
    draws: int
    posterior_digest: str
    largest_r_hat: float
    smallest_ess: float
    acceptance: float
    workers: int
    seconds: float
    verb: str = "calibrate"
    schema_version: int = SCHEMA_VERSION
    versions: dict[str, str] = field(default_factory=lambda: installed_versions(*CALIBRATION_PACKAGES))
    machine: dict[str, Any] = field(default_factory=this_machine)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        write_manifest(folder, asdict(self))


@dataclass(frozen=True)
class CompareManifest:
    """What was compared, with what, on what, for how long, and the digest of the trials that came out."""

    study: dict[str, Any]
    study_digest: str
    seed: int
    replicates: int
    engines: dict[str, str]
    workers: int
    results_digest: str
    seconds: float
    is_complete: bool = True
    verb: str = "compare"
    schema_version: int = SCHEMA_VERSION
    versions: dict[str, str] = field(default_factory=installed_versions)
    machine: dict[str, Any] = field(default_factory=this_machine)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        write_manifest(folder, asdict(self))


@dataclass(frozen=True)
class SizeManifest:
    """What size was searched for, with what, on what, for how long, and the digest of what came out."""

    study: dict[str, Any]
    study_digest: str
    seed: int
    trials: int
    engine: str
    workers: int
    results_digest: str
    seconds: float
    verb: str = "size"
    schema_version: int = SCHEMA_VERSION
    versions: dict[str, str] = field(default_factory=installed_versions)
    machine: dict[str, Any] = field(default_factory=this_machine)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        write_manifest(folder, asdict(self))


def write_manifest(folder: Path, data: Mapping[str, Any]) -> None:
    """Write `manifest.json` into a folder."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def as_stored(configuration: Mapping[str, Any]) -> Any:
    """A configuration as it reads back from a manifest: dates as texts."""
    return json.loads(json.dumps(configuration, default=str))


def read_manifest(path: Path) -> Manifest:
    """The manifest of a run from its file. Raises `ConfigurationError` if it is none, or of another schema."""
    data = read_manifest_data(path)
    try:
        return Manifest(**data)
    except TypeError as error:
        raise _no_manifest(path, "this is no manifest of a run.") from error


def read_manifest_data(path: Path) -> dict[str, Any]:
    """A manifest of whatever verb as plain data. Raises `ConfigurationError` if it is none, or of another schema."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _no_manifest(path, "this is no manifest.") from error
    if not isinstance(data, dict) or "verb" not in data:
        raise _no_manifest(path, "this is no manifest.")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise _no_manifest(path, f"its schema is {data.get('schema_version')}.", "schema_version")
    return data


def _no_manifest(path: Path, wrong: str, what: str = "") -> ConfigurationError:
    allowed = f"a manifest.json of schema {SCHEMA_VERSION} that a run has written."
    return ConfigurationError([Problem(str(path), what, wrong, allowed)])
