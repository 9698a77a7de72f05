"""The wikis of an instance, and which of them are refreshed: two sets of dynamic partitions.

Both are in Dagster's own database, so the UI, its daemon and the command line see the same. The
assets are partitioned by the first set; the sensor and the monthly schedule go through the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.settings import SAMPLE_WIKI, require_wiki


class _Wikis(dg.DynamicPartitionsDefinition):
    """Partitions that accept the wikis to begin with in an instance that nobody has opened yet.

    So `dagster asset materialize --partition sample` works in an empty instance. The run then adds
    the wiki: see `add_wiki` in `asset_run.py`.
    """

    def has_partition_key(self, partition_key: str, *args: Any, **kwargs: Any) -> bool:
        """Return True for a wiki of the instance, and for one that the settings begin with."""
        known: bool = super().has_partition_key(partition_key, *args, **kwargs)
        return known or partition_key in settings.load().wikis


wikis = _Wikis(name="wikis")
"""The partitions of all assets: language codes, and `sample`."""

REFRESHED = "refreshed_wikis"
"""Name of the dynamic partitions that list the wikis marked for refreshing. No asset has them."""

_WIKIS = "wikis"


def known_wikis(instance: dg.DagsterInstance) -> list[str]:
    """List the wikis of an instance, in the order in which they were added."""
    return list(instance.get_dynamic_partitions(_WIKIS))


def missing_at_start(instance: dg.DagsterInstance, first: Iterable[str]) -> list[str]:
    """List the wikis that an instance has to get when it is used.

    Args:
        instance: The instance.
        first: The wikis to begin with, from the settings.

    Returns:
        Those of `first` that it lacks; and if it has no wikis at all, those that an earlier
        release, which kept no list, has materialized.
    """
    known = known_wikis(instance)
    earlier = [] if known else sorted(instance.get_materialized_partitions(_RAW))
    return [wiki for wiki in dict.fromkeys([*first, *earlier]) if wiki not in known]


def add_first_wikis(instance: dg.DagsterInstance, first: Iterable[str]) -> None:
    """Add the wikis that an instance has to get when it is used; see `missing_at_start`."""
    if missing := missing_at_start(instance, first):
        instance.add_dynamic_partitions(_WIKIS, missing)


def add_wiki(instance: dg.DagsterInstance, wiki: str) -> bool:
    """Add a wiki to an instance, whether or not Wikimedia has it.

    Returns:
        True if it is new.

    Raises:
        BadInputError: It is not a language code, nor `sample`.
    """
    require_wiki(wiki)
    new = not instance.has_dynamic_partition(_WIKIS, wiki)
    if new:
        instance.add_dynamic_partitions(_WIKIS, [wiki])
    return new


def remove_wiki(instance: dg.DagsterInstance, wiki: str) -> None:
    """Remove a wiki and its mark; its outputs and its record stay.

    Raises:
        BadInputError: The instance has no such wiki.
    """
    _require_known(instance, wiki)
    mark(instance, wiki, refreshed=False)
    instance.delete_dynamic_partition(_WIKIS, wiki)


def refreshed_wikis(instance: dg.DagsterInstance) -> list[str]:
    """List the wikis that are marked for refreshing, in the order of the wikis."""
    marked = set(instance.get_dynamic_partitions(REFRESHED))
    return [wiki for wiki in known_wikis(instance) if wiki in marked]


def mark(instance: dg.DagsterInstance, wiki: str, *, refreshed: bool) -> None:
    """Mark a wiki for refreshing, or no longer.

    Raises:
        BadInputError: The instance has no such wiki; or it is the sample, which never changes.
    """
    _require_known(instance, wiki)
    if not refreshed:
        instance.delete_dynamic_partition(REFRESHED, wiki)
    elif wiki == SAMPLE_WIKI:
        raise BadInputError(
            f"{SAMPLE_WIKI} is installed with the project and never changes: it needs no refreshes."
        )
    else:
        instance.add_dynamic_partitions(REFRESHED, [wiki])


def _require_known(instance: dg.DagsterInstance, wiki: str) -> None:
    known = known_wikis(instance)
    if wiki not in known:
        raise BadInputError(
            f"There is no wiki {wiki!r} here, only {', '.join(known)}. `wiki-embeddings add` adds "
            "one."
        )


_RAW = dg.AssetKey(RAW_WIKIPEDIA)
