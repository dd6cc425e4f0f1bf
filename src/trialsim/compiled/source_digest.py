"""Which sources these are: a digest of the whole package, so that nothing made by others is taken for ours."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]


@cache
def source_digest() -> str:
    """SHA-256 of every source file of the package, with its name: equal digests, equal arithmetic."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode("utf-8") + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
