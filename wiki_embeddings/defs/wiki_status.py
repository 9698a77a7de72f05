"""Which snapshots of which wikis there are, from Dagster's record and the manifests it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.defs.materializations import earlier_manifests
from wiki_embeddings.defs.wikis import known_wikis, refreshed_wikis

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.manifest import Manifest


@dataclass(frozen=True)
class SnapshotStatus:
    """What there is of one snapshot of a wiki, or of a fraction of it.

    Attributes:
        date: Its date.
        fraction: Share of the articles.
        articles: Number of articles.
        characters: Characters of their text.
        passages: Number of passages with vectors, over all models; 0 before they are embedded.
        models: Names of the models that embedded it.
        bytes: Size of its outputs of all stages on the volume.
    """

    date: date
    fraction: float
    articles: int
    characters: int
    passages: int
    models: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class WikiStatus:
    """What there is of one wiki.

    Attributes:
        wiki: The wiki.
        is_refreshed: True if it is marked for refreshing.
        snapshots: What the volume has of it, newest first.
        published: Where its dataset was published last: an address on the Hub or a folder; None if
            it never was.
    """

    wiki: str
    is_refreshed: bool
    snapshots: tuple[SnapshotStatus, ...]
    published: str | None


def wiki_statuses(instance: dg.DagsterInstance, compute: Compute) -> Iterator[WikiStatus]:
    """Look up all wikis of an instance; those that were removed, too, if anything of them is left.

    Args:
        instance: Dagster's instance, whose record lists the outputs.
        compute: The compute that has the volume.
    """
    known, marked = known_wikis(instance), refreshed_wikis(instance)
    removed = instance.get_materialized_partitions(dg.AssetKey(RAW_WIKIPEDIA)) - set(known)
    for wiki in [*known, *sorted(removed)]:
        snapshots = tuple(_snapshots(instance, compute, wiki))
        if snapshots or wiki in known:
            yield WikiStatus(wiki, wiki in marked, snapshots, _published(instance, wiki))


def _snapshots(
    instance: dg.DagsterInstance, compute: Compute, wiki: str
) -> Iterator[SnapshotStatus]:
    outputs: dict[tuple[str, float], list[Manifest]] = {}
    for asset in ASSET_KEYS:
        for manifest in earlier_manifests(instance, compute, asset, wiki, folder=""):
            raw = manifest.settings["raw"]
            key = str(raw["snapshot"]), float(raw["fraction"])
            outputs.setdefault(key, []).append(manifest)
    for (snapshot, fraction), manifests in sorted(outputs.items(), reverse=True):
        embedded = [manifest for manifest in manifests if manifest.stage == EMBEDDINGS]
        yield SnapshotStatus(
            date=date(int(snapshot[:4]), int(snapshot[4:6]), int(snapshot[6:])),
            fraction=fraction,
            articles=max(manifest.total("articles") for manifest in manifests),
            characters=max(manifest.total("characters") for manifest in manifests),
            passages=sum(manifest.rows for manifest in embedded),
            models=tuple({str(made.settings["embeddings"]["model"]): None for made in embedded}),
            bytes=sum(manifest.bytes for manifest in manifests),
        )


def _published(instance: dg.DagsterInstance, wiki: str) -> str | None:
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(HUB_DATASET), asset_partitions=[wiki])
    found = instance.fetch_materializations(wanted, limit=1).records
    made = found[0].asset_materialization if found else None
    place = made and (made.metadata.get("hub") or made.metadata.get("dataset"))
    return str(place.value) if place else None
