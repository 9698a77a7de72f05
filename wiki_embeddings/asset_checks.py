"""Blocking asset checks: what must hold of each asset before anything is made from it.

In a run over one wiki they check that wiki; started alone, from the asset's page, they check every
wiki that has been materialized.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import dagster as dg

from wiki_embeddings import checks
from wiki_embeddings.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia, wikis
from wiki_embeddings.checks import Verdict
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.lineage import current_manifest, last_recorded
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.materialization import errors_for_people
from wiki_embeddings.resources import ComputeResource
from wiki_embeddings.stages import publish, unique


@dataclass(frozen=True)
class Evidence:
    """What a check may look at for one wiki.

    Attributes:
        wiki: The wiki.
        instance: Dagster's record of what was materialized.
        compute: Where the volume is.
    """

    wiki: str
    instance: dg.DagsterInstance
    compute: Compute

    def manifest(self, asset: dg.AssetsDefinition) -> Manifest:
        """The manifest that the asset's last materialization made."""
        return current_manifest(self.instance, self.compute, asset.key.to_user_string(), self.wiki)


Judge: TypeAlias = Callable[[Evidence], Verdict]


def every_article_fetched(evidence: Evidence) -> Verdict:
    """As many articles as the source has, and at least one."""
    return checks.every_article_fetched(evidence.manifest(raw_wikipedia))


def article_ids_unique(evidence: Evidence) -> Verdict:
    """No page id comes twice."""
    raw = evidence.manifest(raw_wikipedia)
    repeated = evidence.compute.call(unique.repeated_ids, sorted(checks.overlaps(raw)), ("id",))
    return checks.ids_unique(raw, repeated)


def every_article_chunked(evidence: Evidence) -> Verdict:
    """Every article has chunks, and put together they are its text, byte for byte."""
    return checks.every_article_chunked(
        evidence.manifest(raw_wikipedia), evidence.manifest(chunked_volume)
    )


def chunk_ids_unique(evidence: Evidence) -> Verdict:
    """No chunk id comes twice."""
    chunks = evidence.manifest(chunked_volume)
    key = ("id", "chunk_index")
    repeated = evidence.compute.call(unique.repeated_ids, sorted(checks.overlaps(chunks)), key)
    return checks.ids_unique(chunks, repeated)


def token_budget_kept(evidence: Evidence) -> Verdict:
    """No chunk has more tokens than the budget, special tokens and prefix included."""
    return checks.token_budget_kept(evidence.manifest(chunked_volume))


def every_chunk_embedded(evidence: Evidence) -> Verdict:
    """As many vectors as chunks, and of the same chunks."""
    return checks.every_chunk_embedded(
        evidence.manifest(chunked_volume), evidence.manifest(embeddings)
    )


def vectors_sound(evidence: Evidence) -> Verdict:
    """Vectors are finite, of unit length, of the model's width, and not all alike."""
    return checks.vectors_sound(evidence.manifest(embeddings))


def every_row_published(evidence: Evidence) -> Verdict:
    """As many rows as vectors, and of the same chunks."""
    return checks.every_row_published(evidence.manifest(embeddings), evidence.manifest(hub_dataset))


def opens_with_datasets(evidence: Evidence) -> Verdict:
    """The published folder opens with `datasets` as it is, with the declared features."""
    published = evidence.manifest(hub_dataset)
    return evidence.compute.call(publish.opens_with_datasets, published)


_WHAT_MUST_HOLD: Sequence[tuple[dg.AssetsDefinition, Judge]] = (
    (raw_wikipedia, every_article_fetched),
    (raw_wikipedia, article_ids_unique),
    (chunked_volume, every_article_chunked),
    (chunked_volume, chunk_ids_unique),
    (chunked_volume, token_budget_kept),
    (embeddings, every_chunk_embedded),
    (embeddings, vectors_sound),
    (hub_dataset, every_row_published),
    (hub_dataset, opens_with_datasets),
)


def _blocking_check(asset: dg.AssetsDefinition, judge: Judge) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name=judge.__name__, description=judge.__doc__, blocking=True)
    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        machine = compute.open()
        with errors_for_people():
            return _result(
                {
                    wiki: judge(Evidence(wiki, context.instance, machine))
                    for wiki in _wikis_to_check(context, asset)
                }
            )

    return check


def _wikis_to_check(
    context: dg.AssetCheckExecutionContext, asset: dg.AssetsDefinition
) -> list[str]:
    if context.has_partition_key:
        return [context.partition_key]
    name = asset.key.to_user_string()
    return [
        wiki
        for wiki in wikis.get_partition_keys()
        if last_recorded(context.instance, name, wiki) is not None
    ]


def _result(verdicts: dict[str, Verdict]) -> dg.AssetCheckResult:
    metadata = {
        (number if len(verdicts) == 1 else f"{wiki}: {number}"): value
        for wiki, verdict in verdicts.items()
        for number, value in verdict.numbers.items()
    }
    return dg.AssetCheckResult(
        passed=all(verdict.passed for verdict in verdicts.values()),
        description=" ".join(f"{wiki}: {verdict.why}" for wiki, verdict in verdicts.items()),
        metadata=metadata,
    )


asset_checks = [_blocking_check(asset, judge) for asset, judge in _WHAT_MUST_HOLD]
