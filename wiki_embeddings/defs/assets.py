"""The four assets: each plans its shards, drives them through the compute and records the result.

No data passes through here: specs go out, reports come back, and the manifest's digest is the data
version.
"""

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.defs.config import (
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    HubDatasetConfig,
    RawWikipediaConfig,
)
from wiki_embeddings.defs.metadata import materialize, result, translate_errors, upstream
from wiki_embeddings.defs.publishing import publish_to_hub, require_publishable, show
from wiki_embeddings.defs.required_checks import require_checks_pass
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.throughput import record_throughput
from wiki_embeddings.progress import Listener
from wiki_embeddings.stages import chunk, dataset, embed, fetch
from wiki_embeddings.volume import MiB

OWNERS = ["team:wiki-embeddings"]
GROUP = "wikipedia"

wikis = dg.StaticPartitionsDefinition(list(settings.load().wikis))


@dg.asset(
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"wikipedia", "parquet"},
    code_version=fetch.VERSION,
)
def raw_wikipedia(
    context: dg.AssetExecutionContext,
    config: RawWikipediaConfig,
    compute: ComputeResource,
    hub: HubResource,
    listener: dg.ResourceParam[Listener],
) -> dg.MaterializeResult:
    """The articles of one Wikipedia as plain text, one row an article, by ascending page id.

    `sample` is 106 English articles that are installed with the project; every other wiki is
    fetched from wikimedia/wikipedia on the Hugging Face Hub, at a pinned revision.
    """
    wiki = context.partition_key
    with translate_errors():
        machine = compute.open(config.fleet())
        require_publishable(context, machine, hub)
        plan = fetch.plan(
            wiki,
            snapshot=config.snapshot,
            fraction=config.fraction,
            shard_bytes=config.shard_bytes(wiki),
        )
        return result(machine, materialize(context, plan, machine, listener))


@dg.asset(
    deps=[raw_wikipedia],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    code_version=chunk.VERSION,
)
def chunked_volume(
    context: dg.AssetExecutionContext,
    config: ChunkedVolumeConfig,
    compute: ComputeResource,
    hub: HubResource,
    listener: dg.ResourceParam[Listener],
) -> dg.MaterializeResult:
    """The articles cut into chunks that fit the model, with their token ids; nothing is lost.

    Cuts fall at sections, paragraphs, sentences or words, in this order of preference, and an
    article's chunks put together again are its whole text.
    """
    with translate_errors():
        machine = compute.open(config.fleet())
        require_publishable(context, machine, hub)
        raw = upstream(context, machine, "raw_wikipedia")
        cutting = machine.call(
            chunk.prepare,
            model=config.model_for(context.partition_key),
            revision=config.model_revision,
            token_budget=config.token_budget,
            title_prefix=config.title_prefix,
            engine=config.engine.value,
        )
        plan = chunk.plan(raw, cutting)
        return result(machine, materialize(context, plan, machine, listener))


@dg.asset(
    deps=[chunked_volume],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch", "onnx", "parquet"},
    code_version=embed.VERSION,
)
def embeddings(
    context: dg.AssetExecutionContext,
    config: EmbeddingsConfig,
    compute: ComputeResource,
    hub: HubResource,
    listener: dg.ResourceParam[Listener],
) -> dg.MaterializeResult:
    """One vector of unit length for every chunk, as float16, beside the chunk's text.

    A parallel map over shards, on Modal over A10G containers: each shard becomes one file, written
    once, and a run that is stopped goes on where it was.
    """
    with translate_errors():
        machine = compute.open(config.fleet())
        require_publishable(context, machine, hub)
        chunks = upstream(context, machine, "chunked_volume")
        cut = chunks.settings["chunks"]
        info = machine.describe(
            cut["model"], cut["revision"], config.engine.value, config.wanted_precision
        )
        context.log.info(f"Vectors by {info.engine} ({info.runtime}) in {info.precision}")
        plan = embed.plan(chunks, info)
        outcome = materialize(context, plan, machine, listener)
        record_throughput(machine, outcome)
        return result(machine, outcome)


@dg.asset(
    deps=[embeddings],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    code_version=dataset.VERSION,
)
def hub_dataset(
    context: dg.AssetExecutionContext,
    config: HubDatasetConfig,
    compute: ComputeResource,
    hub: HubResource,
    listener: dg.ResourceParam[Listener],
) -> dg.MaterializeResult:
    """The dataset as the Hub has it: Parquet files and a card, published on the Hub or in a folder.

    Readers see the old version or the whole new one, never a mixture.
    """
    with translate_errors():
        machine = compute.open(config.fleet())
        require_publishable(context, machine, hub)
        vectors = upstream(context, machine, "embeddings")
        plan = dataset.plan(vectors, file_bytes=round(config.file_mib * MiB))
        outcome = materialize(context, plan, machine, listener)
        require_checks_pass("hub_dataset", outcome.manifest, machine)
        uploading = compute.open(config.upload_options())
        to_hub = publish_to_hub(
            context, outcome.manifest, hub, uploading, listener, private=config.private
        )
        return result(machine, outcome, to_hub or show(machine, outcome.manifest, hub))
