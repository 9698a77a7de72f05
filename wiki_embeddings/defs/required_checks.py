"""The checks that must pass before an asset's output is used.

Each runs in two places: it is a blocking asset check, which ends a run; and the next asset runs
it on its upstream, the dataset also on itself before it becomes visible, and the embeddings on
themselves before they are searched. Dagster alone would not do: it records a materialization
whether or not the checks pass afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_embeddings import checks
from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.certificate import read_certificate
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, upstream_manifest

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute


@dataclass(frozen=True)
class RequiredCheck:
    """A check of one asset's output.

    Attributes:
        name: Name of the asset check.
        description: What must hold, in one sentence.
        run: Checks the output of a manifest, on the compute that has it.
    """

    name: str
    description: str
    run: Callable[[Manifest, Compute], CheckResult]


def _on_own_manifest(check: Callable[[Manifest], CheckResult]) -> RequiredCheck:
    """A check that needs the asset's own manifest and nothing else."""
    return RequiredCheck(check.__name__, check.__doc__ or "", lambda output, _: check(output))


def _against_upstream(check: Callable[[Manifest, Manifest], CheckResult]) -> RequiredCheck:
    """A check that compares the asset's manifest with its upstream's."""
    return RequiredCheck(
        check.__name__,
        check.__doc__ or "",
        lambda output, compute: check(upstream_manifest(compute.files, output), output),
    )


def _no_duplicate_ids(output: Manifest, compute: Compute) -> CheckResult:
    if not checks.overlapping_files(output):  # no file to read, no container to start
        return checks.no_duplicate_ids(output, duplicates=0)
    from wiki_embeddings.stages.duplicate_ids import count_duplicate_ids  # loads Arrow

    return checks.no_duplicate_ids(output, compute.call_once(count_duplicate_ids, output.folder))


def _complete(output: Manifest, compute: Compute) -> CheckResult:
    return checks.articles_complete(output, read_certificate(compute.files, output.folder))


def _opens_with_datasets(output: Manifest, compute: Compute) -> CheckResult:
    from wiki_embeddings.stages import load_check  # loads Arrow

    return compute.call_once(load_check.opens_with_datasets, output.folder)


REQUIRED_CHECKS: Mapping[str, tuple[RequiredCheck, ...]] = {
    RAW_WIKIPEDIA: (
        _on_own_manifest(checks.every_article_fetched),
        RequiredCheck(
            "no_duplicate_page_ids", "No two articles have the same page id.", _no_duplicate_ids
        ),
        RequiredCheck("articles_complete", checks.articles_complete.__doc__ or "", _complete),
    ),
    CHUNKED_VOLUME: (
        _against_upstream(checks.every_article_chunked),
        RequiredCheck(
            "no_duplicate_chunk_ids", "No two chunks have the same id.", _no_duplicate_ids
        ),
        _on_own_manifest(checks.chunks_fit_token_budget),
    ),
    EMBEDDINGS: (
        _against_upstream(checks.every_chunk_embedded),
        _on_own_manifest(checks.vectors_valid),
    ),
    HUB_DATASET: (
        _against_upstream(checks.every_row_published),
        RequiredCheck(
            "opens_with_datasets",
            "`datasets` opens the dataset, with the features that its card declares.",
            _opens_with_datasets,
        ),
    ),
}
"""The required checks of each asset, by its key."""


def require_checks_pass(asset: str, output: Manifest, compute: Compute) -> None:
    """Refuse an asset's output unless its required checks pass.

    Args:
        asset: Key of the asset.
        output: Manifest of the output.
        compute: The compute that has it.

    Raises:
        BadInputError: A check failed; names it, its reason and its numbers.
    """
    failures = failed_checks(asset, output, compute)
    if failures:
        raise BadInputError(
            f"{asset} of {output.wiki} must not be used. {' '.join(failures)} Look at its checks, "
            f"and materialize {asset} again once the cause is fixed."
        )


def failed_checks(asset: str, output: Manifest, compute: Compute) -> list[str]:
    """Run the required checks of an asset's output.

    Args:
        asset: Key of the asset.
        output: Manifest of the output.
        compute: The compute that has it.

    Returns:
        Name, reason and numbers of each check that failed.
    """
    results = {check.name: check.run(output, compute) for check in REQUIRED_CHECKS[asset]}
    return [
        f"{name}: {result.description} {dict(result.metadata)}"
        for name, result in results.items()
        if not result.passed
    ]
