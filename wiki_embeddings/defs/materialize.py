"""Materialize a plan: map its shards through a compute, count, and write the manifest last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wiki_embeddings.compute.protocol import Compute, Failed
from wiki_embeddings.encoders.models.languages import reads_language
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.manifest import Manifest, write_manifest
from wiki_embeddings.progress import Listener, ProgressCounter, StageProgress, silent
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.sources import dump

if TYPE_CHECKING:
    from wiki_embeddings.stages.shard import Plan, Report, SpecT

_NAMED_FAILURES = 20
"""More would bury the first ones; the log has them all."""


class ShardsFailedError(WikiEmbeddingsError):
    """Some shards of a map failed; the finished ones are kept."""

    def __init__(self, message: str, failures: Sequence[Failed]) -> None:
        super().__init__(message)
        self.may_pass = all(failure.may_pass for failure in failures)


@dataclass(frozen=True)
class Materialized:
    """The result of materializing a plan.

    Attributes:
        manifest: The manifest of the output.
        progress: The final progress: units, shards and seconds.
        reports: The report of each shard, in the plan's order.
    """

    manifest: Manifest
    progress: StageProgress
    reports: Sequence[Report]


def materialize(
    plan: Plan[SpecT],
    compute: Compute,
    listener: Listener,
    asset: str,
    *,
    last: Plan[SpecT] | None = None,
) -> Materialized:
    """Make all shards of a plan, then write its manifest.

    Shards that an earlier run finished are recognised by their content and kept. A failed shard
    does not stop the others.

    Args:
        plan: What to make.
        compute: Where to make it.
        listener: Called with the progress several times a second.
        asset: Key of the asset, for error messages.
        last: Further shards of the same output, which are made from those of the plan.

    Raises:
        ShardsFailedError: Some shards failed; names them, the causes and the command to retry.
        WikiEmbeddingsError: The compute ended without some shards.
        BadInputError: There are more or fewer rows than there should be.
    """
    counter = _make_shards(plan, compute, listener, asset)
    reports = list(counter.reports)
    if last is not None:
        # Not shown: they take a moment, and would count from the beginning.
        reports += _make_shards(last, compute, silent, asset).reports
    manifest = plan.manifest(report.file for report in reports)
    specs = (*plan.specs, *(last.specs if last else ()))
    _require_complete(replace(plan, specs=specs), manifest, asset)
    write_manifest(compute.files, manifest)
    return Materialized(manifest, counter.progress(), reports)


def _make_shards(
    plan: Plan[SpecT], compute: Compute, listener: Listener, asset: str
) -> ProgressCounter:
    """Map a plan's shards, and count them."""
    counter = ProgressCounter(plan)
    failures: list[Failed] = []
    listener(counter.progress())
    # Closed in every case, so that no work goes on for a run that is over.
    with closing(compute.map(plan)) as events:
        for event in events:
            counter.count(event)
            if isinstance(event, Failed):
                failures.append(event)
            listener(counter.progress())
    if failures:
        raise ShardsFailedError(
            _failure_message(plan, failures, len(counter.reports), asset, compute), failures
        )
    return counter


def _require_complete(plan: Plan[SpecT], manifest: Manifest, asset: str) -> None:
    """Require a file for each shard, and as many rows as were counted before."""
    missing = sorted({spec.name for spec in plan.specs} - {file.name for file in manifest.files})
    if missing:
        raise WikiEmbeddingsError(
            f"Of {asset} ({plan.wiki}), {len(missing)} of {len(plan.specs)} shards were neither "
            f"made nor reported as failed, {missing[0]} among them: run again, which makes only "
            "these, and report this bug."
        )
    if plan.rows not in {None, manifest.rows}:
        raise BadInputError(
            f"{asset} ({plan.wiki}) has {manifest.rows:,} rows, but the card of its source counts "
            f"{plan.rows:,}: its files are incomplete, or others than the card describes. Use "
            "another snapshot, or tell the publisher."
        )


def _failure_message(
    plan: Plan[SpecT], failures: list[Failed], finished: int, asset: str, compute: Compute
) -> str:
    lines = [
        f"{plan.specs[failure.shard].name}: {failure.cause}\n{failure.detail}".rstrip()
        for failure in failures[:_NAMED_FAILURES]
    ]
    if len(failures) > _NAMED_FAILURES:
        lines.append(f"… and {len(failures) - _NAMED_FAILURES} more.")
    return (
        f"{len(failures)} of {len(plan.specs)} shards of {asset} ({plan.wiki}) failed; finished "
        f"and kept: {finished}. Fix the cause, then re-execute the run in the UI or call "
        f"`{compute.command(retry_command(plan))}`: only the rest is done.\n" + "\n".join(lines)
    )


def _source_options(raw: Mapping[str, Any]) -> list[str]:
    """Build the options that lead to the same articles again: the source, its date and revision."""
    snapshot = ["--snapshot", str(raw["snapshot"])]
    if raw["source"] == dump.SOURCE_NAME:
        return ["--source", "dump", *snapshot]
    dataset = ["--hub-dataset", str(raw["source"]), "--hub-revision", str(raw["revision"])]
    return ["--source", "hub", *snapshot, *dataset]


def retry_command(plan: Plan[SpecT]) -> list[str]:
    """Build the command that continues a plan: same wiki, same settings."""
    raw, chunks = plan.settings["raw"], plan.settings.get("chunks", {})
    words = ["wiki-embeddings", "run", "--wiki", plan.wiki]
    words += ["--fraction", f"{raw['fraction']:.9g}"]
    words += ["--articles-per-shard", str(raw["articles_per_shard"])]
    if plan.wiki != SAMPLE_WIKI:
        words += _source_options(raw)
    if "embeddings" in plan.settings:
        encoder = plan.settings["embeddings"]
        words += ["--engine", str(encoder["engine"]), "--precision", str(encoder["precision"])]
    if chunks:
        model = plan.model_folder or str(chunks["model"])
        words += ["--model", model, "--token-budget", f"{chunks['token_budget']}"]
        if not reads_language(str(chunks["model"]), plan.wiki):
            words.append("--allow-english-model")
        words.append("--title-prefix" if chunks["title_prefix"] else "--no-title-prefix")
    named = {*plan.settings, *plan.settings.get("hub", {})}
    if named & {"centroids", "index", "hub"}:
        words.append("--index" if named & {"centroids", "index"} else "--no-index")
    if plan.settings.get("uploads", {}).get("replace_existing"):
        words.append("--replace-existing")
    return words
