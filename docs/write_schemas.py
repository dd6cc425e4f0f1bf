"""Write the JSON Schema of each kind of file anew: `python docs/write_schemas.py`."""

from __future__ import annotations

import json

from trialsim.config.describe.json_schema import schema_of
from trialsim.config.source.builtin import SCHEMAS, schema_file


def text_of(kind: str) -> str:
    """The file of a kind, as text."""
    return json.dumps(schema_of(kind), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for kind in SCHEMAS:
        schema_file(kind).write_text(text_of(kind), encoding="utf-8")
