"""The version of the code: a digest of the package's own files.

A deployed app runs the code as of its deployment. Comparing digests shows whether that is the code
that plans the work here; a version number would depend on somebody remembering to change it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
"""Folder of the package `wiki_embeddings`."""

SHIPPED_SUFFIXES = frozenset({".py", ".jinja", ".toml"})
"""The only files of the package that containers get."""

_DIGEST_CHARACTERS = 16


@cache
def code_version() -> str:
    """Return the digest of this package, read once per process."""
    return digest_of_files(PACKAGE)


def digest_of_files(package: Path) -> str:
    """Return a digest of the names and contents of all shipped files in a package."""
    digest = hashlib.sha256()
    for path in sorted(file for file in package.rglob("*") if file.suffix in SHIPPED_SUFFIXES):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_CHARACTERS]
