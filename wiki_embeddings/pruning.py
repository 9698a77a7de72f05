"""Which outputs on a volume may go, and removing them.

The rule, which docs/automation.md explains: of each dataset (a wiki, a model, a fraction of the
articles) the last two complete outputs of each stage stay; and so does what Dagster's record names
as current, what is searched, and all that a kept output was made from. An output without a manifest
goes once nothing was written to it for a day, unless somebody holds its lock.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from filelock import FileLock, Timeout

from wiki_embeddings.host import duration
from wiki_embeddings.manifest import read_current
from wiki_embeddings.volume import (
    MANIFEST,
    StoredOutput,
    Volume,
    lock_file,
    remove_output,
    stored_outputs,
)

GENERATIONS = 2
"""Complete outputs of a stage that stay: the current one, and the one that a refresh reuses."""

ABANDONED_AFTER_S = 24 * 3600.0
"""Nobody is at work on an output that got no file in a day: a shard takes minutes."""


@dataclass(frozen=True)
class Removal:
    """An output that may go.

    Attributes:
        folder: Reference of its folder.
        files: Files in it and beside it.
        bytes: Their size.
        reason: Why it may go, for people.
    """

    folder: str
    files: int
    bytes: int
    reason: str


@dataclass(frozen=True)
class PruningPlan:
    """What pruning would do.

    Attributes:
        removals: The outputs that would go.
        kept: Number of outputs that stay.
        kept_bytes: Their size.
    """

    removals: tuple[Removal, ...]
    kept: int
    kept_bytes: int

    @property
    def bytes(self) -> int:
        """Size of all that would go."""
        return sum(removal.bytes for removal in self.removals)


def plan_pruning(volume: Volume, current: Collection[str]) -> PruningPlan:
    """Find the outputs that may go; removes nothing.

    Args:
        volume: The volume.
        current: References of the output folders that are current in Dagster's record.
    """
    outputs = list(stored_outputs(volume))
    manifests = {
        output.folder: _read_manifest(volume, output.folder)
        for output in outputs
        if output.completed_at is not None
    }
    kept_anyway = {*current, *_searched(volume, outputs), *_last_generations(outputs, manifests)}
    needed = _with_upstream(kept_anyway, manifests)
    removals = []
    for output in outputs:
        reason = None if output.folder in needed else _reason(output)
        if reason is not None and not _is_locked(volume, output.folder):
            removals.append(Removal(output.folder, output.files, output.bytes, reason))
    gone = {removal.folder for removal in removals}
    kept = [output for output in outputs if output.folder not in gone]
    return PruningPlan(tuple(removals), len(kept), sum(output.bytes for output in kept))


def prune(volume: Volume, current: Collection[str], folders: Sequence[str]) -> tuple[Removal, ...]:
    """Remove the outputs of a plan that may still go.

    Args:
        volume: The volume.
        current: As for `plan_pruning`.
        folders: References of the output folders that the plan named. What has become needed, or
            is being made since, stays.

    Returns:
        What was removed.

    Raises:
        UnusableVolumeError: Something cannot be removed.
    """
    removed = []
    for removal in plan_pruning(volume, current).removals:
        if removal.folder not in folders:
            continue
        try:
            with _locked(volume, removal.folder):
                remove_output(volume, removal.folder)
        except Timeout:  # somebody has begun to make it
            continue
        removed.append(removal)
    return tuple(removed)


def _searched(volume: Volume, outputs: Sequence[StoredOutput]) -> set[str]:
    """Return the folders of the embeddings that `wiki-embeddings search` reads."""
    wikis = {output.folder.partition("/")[0] for output in outputs}
    return {found.folder for wiki in wikis if (found := read_current(volume, wiki)) is not None}


def _last_generations(
    outputs: Sequence[StoredOutput], manifests: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """Return the folders of the last complete outputs of each stage of each dataset."""
    generations: dict[tuple[str, ...], list[tuple[float, str]]] = defaultdict(list)
    for output in outputs:
        if output.completed_at is not None:
            dataset = _dataset(output.folder, manifests[output.folder])
            generations[dataset].append((output.completed_at, output.folder))
    return {
        folder for outputs in generations.values() for _, folder in sorted(outputs)[-GENERATIONS:]
    }


def _dataset(folder: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells one dataset's outputs of a stage from those of another dataset."""
    wiki, stage, _ = folder.split("/")
    settings = manifest.get("settings", {})
    fraction = settings.get("raw", {}).get("fraction")
    model = settings.get("chunks", {}).get("model")
    return (wiki, stage, str(fraction), str(model))


def _with_upstream(folders: set[str], manifests: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Add the outputs that some were made from, directly or not."""
    needed: set[str] = set()
    waiting = list(folders)
    while waiting:
        folder = waiting.pop()
        if folder not in needed:
            needed.add(folder)
            upstream = manifests.get(folder, {}).get("upstream")
            waiting += [upstream["folder"]] if upstream else []
    return needed


def _reason(output: StoredOutput) -> str | None:
    if output.completed_at is not None:
        return f"older than the last {GENERATIONS} of its kind, and nothing kept was made from it"
    age = time.time() - output.written_at
    if age < ABANDONED_AFTER_S:
        return None
    return f"incomplete, and nothing was written to it for {duration(age)}"


def _read_manifest(volume: Volume, folder: str) -> Mapping[str, Any]:
    """Read a manifest of any release; empty if it is damaged, so that nothing depends on it."""
    try:
        content = json.loads(volume.read_bytes(f"{folder}/{MANIFEST}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_locked(volume: Volume, folder: str) -> bool:
    try:
        with _locked(volume, folder):
            return False
    except Timeout:
        return True


def _locked(volume: Volume, folder: str) -> AbstractContextManager[object]:
    """Hold the lock of an output, if anybody ever locked it.

    Raises:
        filelock.Timeout: Somebody is making it.
    """
    path = volume.path(lock_file(folder))
    return FileLock(path).acquire(timeout=0) if path.exists() else nullcontext()
