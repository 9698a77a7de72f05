"""Which version of the code this is: a digest of the package's own files.

A deployed app runs the code as it was when it was deployed. Comparing digests tells whether that
is the code that plans the work here; a version number would have to be remembered by people.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
"""Folder of the package `wiki_embeddings`."""

SHIPPED_SUFFIXES = frozenset({".py", ".jinja"})
"""Files of the package that containers get, and nothing else in it."""

_DIGEST_CHARACTERS = 16


@cache
def code_version() -> str:
    """Digest of the names and contents of all files of the package, as this process found them."""
    return digest_of_files(PACKAGE)


def digest_of_files(package: Path) -> str:
    """Digest of the names and contents of the files of a package that containers get."""
    digest = hashlib.sha256()
    for path in sorted(file for file in package.rglob("*") if file.suffix in SHIPPED_SUFFIXES):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_CHARACTERS]
