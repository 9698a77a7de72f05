"""What must hold of each asset, judged by its manifest and the one that it was made from.

The same judgements stand at two places. As blocking asset checks they end a run; and an asset asks
them of what it is made from, and the dataset of itself before it becomes visible, because Dagster
records a materialization whether or not its checks pass afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from wiki_embeddings import checks
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, upstream_manifest
from wiki_embeddings.stages import duplicate_ids, load_test

RequiredCheck: TypeAlias = Callable[[Manifest, Compute], CheckResult]
"""Judges the output that a manifest describes; its docstring says what must hold."""


def every_article_fetched(raw: Manifest, _: Compute) -> CheckResult:
    """As many articles as the source has, and at least one."""
    return checks.every_article_fetched(raw)


def article_ids_unique(raw: Manifest, compute: Compute) -> CheckResult:
    """No page id comes twice."""
    return _ids_unique(raw, compute)


def every_article_chunked(chunks: Manifest, compute: Compute) -> CheckResult:
    """Every article has chunks, and put together they are its text, byte for byte."""
    return checks.every_article_chunked(upstream_manifest(compute.files, chunks), chunks)


def chunk_ids_unique(chunks: Manifest, compute: Compute) -> CheckResult:
    """No chunk id comes twice."""
    return _ids_unique(chunks, compute)


def token_budget_kept(chunks: Manifest, _: Compute) -> CheckResult:
    """No chunk has more tokens than the budget, special tokens and prefix included."""
    return checks.token_budget_kept(chunks)


def every_chunk_embedded(vectors: Manifest, compute: Compute) -> CheckResult:
    """As many vectors as chunks, and of the same chunks."""
    return checks.every_chunk_embedded(upstream_manifest(compute.files, vectors), vectors)


def vectors_sound(vectors: Manifest, _: Compute) -> CheckResult:
    """Vectors are finite, of unit length, of the model's width, and not all alike."""
    return checks.vectors_sound(vectors)


def every_row_published(published: Manifest, compute: Compute) -> CheckResult:
    """As many rows as vectors, and the same ones, byte for byte."""
    return checks.every_row_published(upstream_manifest(compute.files, published), published)


def opens_with_datasets(published: Manifest, compute: Compute) -> CheckResult:
    """The published folder opens with `datasets` as it is, with the declared features."""
    return compute.call(load_test.opens_with_datasets, published.folder)


REQUIRED_CHECKS: Mapping[str, tuple[RequiredCheck, ...]] = {
    "raw_wikipedia": (every_article_fetched, article_ids_unique),
    "chunked_volume": (every_article_chunked, chunk_ids_unique, token_budget_kept),
    "embeddings": (every_chunk_embedded, vectors_sound),
    "hub_dataset": (every_row_published, opens_with_datasets),
}
"""The judgements on each asset, by its key."""


def require_checks_pass(asset: str, manifest: Manifest, compute: Compute) -> None:
    """Make sure that all that must hold of an output does.

    Args:
        asset: Key of the asset.
        manifest: What the asset has made.
        compute: Where it lies.

    Raises:
        BadInputError: Something does not hold; the sentence gives reasons and numbers.
    """
    results = {judge.__name__: judge(manifest, compute) for judge in REQUIRED_CHECKS[asset]}
    reasons = [
        f"{name}: {result.description} {dict(result.metadata)}"
        for name, result in results.items()
        if not result.passed
    ]
    if reasons:
        raise BadInputError(
            f"{asset} of {manifest.wiki} must not be used. {' '.join(reasons)} Look at its checks, "
            f"and materialize {asset} again once the cause is mended."
        )


def _ids_unique(manifest: Manifest, compute: Compute) -> CheckResult:
    # A container is asked only where there is something to look for.
    shared = checks.overlaps(manifest)
    repeated = compute.call(duplicate_ids.pages_in_several_files, manifest.folder) if shared else 0
    return checks.ids_unique(manifest, repeated)
