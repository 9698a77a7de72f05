"""The tree of a volume, as a mapping from path to entry, and how two trees merge.

Pure functions: they know neither folders nor containers. Paths are relative to the volume's root,
POSIX, without a leading slash; every ancestor of an entry is an entry itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath


class Kind(Enum):
    """Kind of an entry."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True)
class Entry:
    """One file, directory or symbolic link.

    The time of the last modification does not count in comparisons.
    """

    kind: Kind
    content: str = ""
    """SHA-256 of a file, target of a symbolic link."""
    size: int = 0
    """Bytes of a file."""
    mode: int = 0o755
    """Permission bits of a file; those of the other kinds are not carried."""
    mtime_ns: int = field(default=0, compare=False)


Tree = dict[str, Entry]

DIRECTORY = Entry(Kind.DIRECTORY)


def normal(path: str) -> str:
    """`path` as a key of a tree; the root is the empty string.

    Raises:
        ValueError: The path leaves the volume.
    """
    parts = PurePosixPath(path.strip("/")).parts
    if ".." in parts:
        raise ValueError(f"the path {path!r} leaves the volume")
    return "/".join(parts)


def below(tree: Tree, path: str, *, recursive: bool) -> Iterator[str]:
    """The paths below a directory: its own entries, or all of its descendants; sorted."""
    prefix = f"{path}/" if path else ""
    for candidate in sorted(tree):
        rest = candidate.removeprefix(prefix)
        if candidate.startswith(prefix) and (recursive or "/" not in rest):
            yield candidate


def without(tree: Tree, path: str) -> Tree:
    """The tree without an entry and its descendants; the root only loses its descendants."""
    gone = {path, *below(tree, path, recursive=True)}
    return {kept: entry for kept, entry in tree.items() if kept not in gone}


def changes(base: Tree, current: Tree) -> tuple[Tree, set[str]]:
    """Written and deleted entries between two states of the same view."""
    written = {path: entry for path, entry in current.items() if base.get(path) != entry}
    return written, base.keys() - current.keys()


def merged(committed: Tree, written: Tree, deleted: Iterable[str]) -> Tree:
    """The committed state after a commit: the last commit wins, path by path.

    A deleted directory stays while it holds files of other containers.
    """
    tree = dict(committed)
    for path in deleted:
        tree.pop(path, None)
    for path, entry in sorted(written.items()):
        if entry != DIRECTORY and tree.get(path) == DIRECTORY:
            tree = without(tree, path)
        tree[path] = entry
    return _with_parents(tree)


def _with_parents(tree: Tree) -> Tree:
    parents = {str(parent) for path in tree for parent in PurePosixPath(path).parents}
    return {**tree, **dict.fromkeys(parents - {"."}, DIRECTORY)}
