"""The manifest of a results folder: enough to run its command again."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any, Final

from trialsim.errors import ConfigurationError, Problem
from trialsim.files.owned import read_regular
from trialsim.storage.layouts import ENTRY_TYPES, LAYOUTS, Layout

MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 1
PACKAGES: Final = ("trialsim", "simpy", "numba", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "matplotlib")
_OF_ALL: Final = ("schema_version", "versions", "machine")
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
class Manifest(Mapping[str, Any]):
    """What a command was asked, with what, on what, for how long, and the digest of what came out.

    A mapping of the entries that the `layout` of the command declares.
    """

    layout: Layout
    entries: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def of(cls, layout: Layout, entries: Mapping[str, Any]) -> Manifest:
        """The manifest of results that this version of the package has computed on this machine."""
        versions = installed_versions(*layout.packages)
        environment = {"schema_version": SCHEMA_VERSION, "versions": versions, "machine": this_machine()}
        return cls(layout, {name: entries[name] for name in layout.entries} | environment)

    @property
    def configuration(self) -> dict[str, Any]:
        """What was asked, whatever the seed and the number of replicates."""
        return {name: self.entries[name] for name in self.layout.configuration}

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        text = json.dumps(dict(self.entries), indent=2, ensure_ascii=False, default=str, allow_nan=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def as_stored(configuration: Mapping[str, Any]) -> Any:
    """A configuration as it reads back from a manifest: dates as texts."""
    return json.loads(json.dumps(configuration, default=str))


def read_manifest(path: Path, command: str | None = None) -> Manifest:
    """A manifest from its file. Raises `ConfigurationError` if it is none, of another schema or another `command`."""
    try:
        data = json.loads(read_regular(path, _MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_manifest(path, "this is not a manifest.") from error
    if not isinstance(data, dict) or "command" not in data:
        raise _no_manifest(path, "this is not a manifest.")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise _no_manifest(path, f"its schema is {str(data.get('schema_version'))[:40]}.", "schema_version")
    layout = LAYOUTS.get(data["command"]) if isinstance(data["command"], str) else None
    if layout is None:
        raise _no_manifest(path, "this is not a command.", f"command = {str(data['command'])[:40]}")
    _check_entries(path, layout, data)
    if command is not None and layout.command != command:
        raise _no_manifest(path, f"this is not a manifest of a {command}.", f"command = {layout.command}")
    return Manifest(layout, {**layout.defaults, **data})


def _check_entries(path: Path, layout: Layout, data: Mapping[str, Any]) -> None:
    """Raises `ConfigurationError` for a manifest that lacks an entry, has an unknown one, or one of another type."""
    for name in sorted(set(layout.entries) - set(layout.defaults) - set(data)):
        raise _no_manifest(path, "this entry is missing.", name)
    for name, value in data.items():
        if name not in (*layout.entries, *_OF_ALL):
            raise _no_manifest(path, "this entry is not known here.", name)
        if not _fits(value, ENTRY_TYPES[name]):
            raise _no_manifest(path, f"this is not {_TYPES[ENTRY_TYPES[name]]}.", _shown(name, value))


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
