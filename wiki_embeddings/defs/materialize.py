"""Drive one plan through a compute: map its shards, keep count, write the manifest last."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from wiki_embeddings.compute.protocol import Compute, Failed
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import Manifest, write_manifest
from wiki_embeddings.progress import Listener, Snapshot, Tally
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.stages.shard import Plan, SpecT
from wiki_embeddings.volume import MiB

_NAMED_FAILURES = 20
"""More would bury the first ones; every failure is in the log."""


class ShardsFailedError(WikiEmbeddingsError):
    """Some shards of a map failed; the others are finished and stay."""


@dataclass(frozen=True)
class Materialized:
    """What came of driving a plan.

    Attributes:
        manifest: What has been made.
        progress: The last word on progress: units, shards and seconds.
    """

    manifest: Manifest
    progress: Snapshot


def drive(plan: Plan[SpecT], compute: Compute, listener: Listener, asset: str) -> Materialized:
    """Make all shards of a plan, then write its manifest.

    Shards that an earlier run has finished are recognised by their content and kept. A failed
    shard does not stop the others.

    Args:
        plan: What to make.
        compute: Where to make it.
        listener: Told of progress several times a second.
        asset: Key of the asset, named in errors.

    Raises:
        ShardsFailedError: Some shards failed; names them, their causes and what to do.
    """
    tally = Tally(plan)
    failures: list[Failed] = []
    listener(tally.snapshot())
    # Closed whatever happens, so that nothing goes on working for a run that is over.
    with closing(compute.map(plan)) as events:
        for event in events:
            tally.count(event)
            if isinstance(event, Failed):
                failures.append(event)
            listener(tally.snapshot())
    if failures:
        raise ShardsFailedError(_told(plan, failures, len(tally.reports), asset, compute))
    manifest = plan.manifest(report.file for report in tally.reports)
    write_manifest(compute.files, manifest)
    return Materialized(manifest, tally.snapshot())


def _told(
    plan: Plan[SpecT], failures: list[Failed], finished: int, asset: str, compute: Compute
) -> str:
    lines = [
        f"{plan.specs[failure.shard].name}: {failure.cause}\n{failure.detail}".rstrip()
        for failure in failures[:_NAMED_FAILURES]
    ]
    if len(failures) > _NAMED_FAILURES:
        lines.append(f"… and {len(failures) - _NAMED_FAILURES} more.")
    return (
        f"{len(failures)} of {len(plan.specs)} shards of {asset} ({plan.wiki}) failed, {finished} "
        "are finished and stay. Mend the cause, then re-execute the run in the UI or call "
        f"`{compute.command(retry_words(plan))}`: only the rest is done.\n" + "\n".join(lines)
    )


def retry_words(plan: Plan[SpecT]) -> list[str]:
    """The command that goes on where this plan was: same wiki, same settings."""
    raw, chunks = plan.settings["raw"], plan.settings.get("chunks", {})
    words = ["wiki-embeddings", "run", "--wiki", plan.wiki]
    words += [
        "--fraction",
        f"{raw['fraction']:.9g}",
        "--shard-mib",
        f"{raw['shard_bytes'] / MiB:.9g}",
    ]
    if plan.wiki != SAMPLE_WIKI:
        words += ["--snapshot", str(raw["snapshot"])]
    if "embeddings" in plan.settings:
        made_by = plan.settings["embeddings"]
        words += ["--engine", str(made_by["engine"]), "--precision", str(made_by["precision"])]
    if chunks:
        words += ["--model", str(chunks["model"]), "--token-budget", f"{chunks['token_budget']}"]
        words.append("--title-prefix" if chunks["title_prefix"] else "--no-title-prefix")
    return words
