"""The manifest of a results folder: enough to run it again."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Final, get_origin, get_type_hints

from trialsim.errors import ConfigurationError, Problem
from trialsim.files.owned import read_regular

MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 1
PACKAGES: Final = ("trialsim", "simpy", "numba", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "matplotlib")
CALIBRATION_PACKAGES: Final = ("emcee", "arviz-stats")
_MOST_BYTES: Final = 100_000_000
_LARGEST_NUMBER: Final = 2**64 - 1


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

    CONFIGURATION: ClassVar = ("verb", "scenario", "strategy")  # in each manifest: what makes two results comparable

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

    CONFIGURATION: ClassVar = ("verb", "cohort", "scenario", "priors")

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
    priors: list[str] = field(default_factory=list)
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

    CONFIGURATION: ClassVar = ("verb", "study")

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

    CONFIGURATION: ClassVar = ("verb", "study")

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


MANIFESTS: Final[dict[str, type[Any]]] = {
    "run": Manifest, "calibrate": CalibrationManifest, "compare": CompareManifest, "size": SizeManifest,
}  # fmt: skip


def read_manifest(path: Path) -> Manifest:
    """The manifest of a run from its file. Raises `ConfigurationError` if it is none, or of another schema."""
    data = read_manifest_data(path)
    if data["verb"] != "run":
        raise _no_manifest(path, "this is no manifest of a run.", f"verb = {data['verb']}")
    return Manifest(**data)


def read_manifest_data(path: Path) -> dict[str, Any]:
    """A manifest of whatever verb as plain data. Raises `ConfigurationError` if it is none, or of another schema."""
    try:
        data = json.loads(read_regular(path, _MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_manifest(path, "this is no manifest.") from error
    if not isinstance(data, dict) or "verb" not in data:
        raise _no_manifest(path, "this is no manifest.")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise _no_manifest(path, f"its schema is {str(data.get('schema_version'))[:40]}.", "schema_version")
    kind = MANIFESTS.get(data["verb"]) if isinstance(data["verb"], str) else None
    if kind is None:
        raise _no_manifest(path, "this is no verb.", f"verb = {str(data['verb'])[:40]}")
    _check_entries(path, kind, data)
    return data


def configuration_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that a manifest is of: what was asked, whatever the seed and the number of replicates."""
    manifest = MANIFESTS[data["verb"]](**data)
    return {name: getattr(manifest, name) for name in manifest.CONFIGURATION}


def _check_entries(path: Path, kind: type[Any], data: Mapping[str, Any]) -> None:
    """Raises `ConfigurationError` for a manifest that lacks an entry, has an unknown one, or one of another type."""
    types = get_type_hints(kind)
    names = {item.name for item in fields(kind)}
    needed = {item.name for item in fields(kind) if item.default is item.default_factory}  # both are missing
    for name in sorted(needed - set(data)):
        raise _no_manifest(path, "this entry is missing.", name)
    for name, value in data.items():
        if name not in names:
            raise _no_manifest(path, "this entry is not known here.", name)
        expected = types[name]
        if not _fits(value, get_origin(expected) or expected):
            raise _no_manifest(path, f"this is not {_TYPES[get_origin(expected) or expected]}.", _shown(name, value))


_TYPES: Final = {
    int: "a whole number from 0 to 2^64 - 1", float: "a finite number", str: "a text", bool: "true or false",
    dict: "a mapping", list: "a list",
}  # fmt: skip


def _fits(value: Any, expected: type[Any]) -> bool:
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_NUMBER
    if expected is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and -1e300 < value < 1e300 and isfinite(value)
    return isinstance(value, expected)


def _shown(name: str, value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return f"{name} = {text[:60]}"


def _no_manifest(path: Path, wrong: str, what: str = "") -> ConfigurationError:
    allowed = f"a manifest.json of schema {SCHEMA_VERSION} that a run has written."
    return ConfigurationError([Problem(str(path), what, wrong, allowed)])
