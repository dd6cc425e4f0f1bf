"""The command `schema`: what a kind of file may hold, for editors and validators."""

from __future__ import annotations

import json
from typing import Any

from trialsim.config.source.builtin import SCHEMAS, schema_file
from trialsim.config.source.problems import nearest
from trialsim.errors import RequestError


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind of file.

    Parameters
    ----------
    kind
        `scenario`, `cohort`, `parameters` or `study`.

    Returns
    -------
    dict
        The schema, as it comes with the package.

    Raises
    ------
    RequestError
        For another kind.
    """
    return dict(json.loads(schema_text(kind)))


def schema_text(kind: str) -> str:
    """The same as text. Raises `RequestError`."""
    if kind not in SCHEMAS:
        allowed = f"{', '.join(SCHEMAS)}."
        raise RequestError(f"schema {kind}", "there is no such kind of file.", allowed, nearest(kind, list(SCHEMAS)))
    return schema_file(kind).read_text(encoding="utf-8")
