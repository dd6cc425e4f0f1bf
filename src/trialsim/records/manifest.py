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
PACKAGES: Final = ("trialsim", "simpy", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "matplotlib")


def installed_versions() -> dict[str, str]:
    """The versions of Python and of the packages that results may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


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
    """What was run, with what, on what, for how long, and the digest of what came out."""

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
    workers: int = 1
    schema_version: int = SCHEMA_VERSION
    versions: dict[str, str] = field(default_factory=installed_versions)
    machine: dict[str, Any] = field(default_factory=this_machine)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, default=str, allow_nan=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def as_stored(configuration: Mapping[str, Any]) -> Any:
    """A configuration as it reads back from a manifest: dates as texts."""
    return json.loads(json.dumps(configuration, default=str))


def read_manifest(path: Path) -> Manifest:
    """A manifest from its file. Raises `ConfigurationError` if it is none, or of another schema."""
    allowed = f"a manifest.json of schema {SCHEMA_VERSION} that a run has written."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("schema_version") != SCHEMA_VERSION:
            wrong = f"its schema is {data.get('schema_version')}."
            raise ConfigurationError([Problem(str(path), "schema_version", wrong, allowed)])
        return Manifest(**data)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError([Problem(str(path), "", "this is no manifest.", allowed)]) from error
