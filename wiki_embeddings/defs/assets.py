"""The four assets: each plans its shards, maps them through the compute and records the result.

No data passes through here: specs go out, reports come back, and the manifest's digest is the data
version. The stages load Arrow, so they are imported where they run, not when Dagster starts.
"""

import dagster as dg

from wiki_embeddings.asset_keys import (
    CHUNKED_VOLUME,
    EMBEDDINGS,
    HUB_ARTICLES,
    HUB_DATASET,
    RAW_WIKIPEDIA,
    WIKIPEDIA_EXPORT,
)
from wiki_embeddings.defs.asset_run import checked_upstream, logging_progress, opened_compute
from wiki_embeddings.defs.certificate import (
    certificate_metadata,
    read_required_titles,
    record_certificate,
)
from wiki_embeddings.defs.column_lineage import column_lineage
from wiki_embeddings.defs.config import (
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    HubDatasetConfig,
    RawWikipediaConfig,
)
from wiki_embeddings.defs.embedding_pictures import Timeline, effort_pictures, map_metadata
from wiki_embeddings.defs.external_assets import record_hub_articles, record_published
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.defs.metadata import materialize_result
from wiki_embeddings.defs.publishing import previous_embeddings, publish_to_hub, show_locally
from wiki_embeddings.defs.required_checks import failed_checks, require_checks_pass
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.reuse import newest_reusable, reuse_metadata
from wiki_embeddings.defs.search_index import index_codes, measure_index
from wiki_embeddings.defs.throughput import record_throughput
from wiki_embeddings.defs.wikipedia_export import record_what_was_read
from wiki_embeddings.defs.wikis import wikis
from wiki_embeddings.manifest import write_current
from wiki_embeddings.stages import versions

OWNERS = ["team:wiki-embeddings"]
GROUP = "wikipedia"


@dg.asset(
    deps=[WIKIPEDIA_EXPORT, HUB_ARTICLES],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"wikipedia", "parquet"},
    code_version=versions.FETCH,
)
def raw_wikipedia(
    context: dg.AssetExecutionContext,
    config: RawWikipediaConfig,
    compute: ComputeResource,
    hub: HubResource,
) -> dg.MaterializeResult:
    """The articles of one Wikipedia as plain text, one row per article, by ascending page id.

    `sample` is 106 English articles that are installed with the project; every other wiki is read
    from the newest of Wikimedia's monthly exports, or from a dataset on the Hugging Face Hub.
    """
    from wiki_embeddings.stages import fetch

    wiki = context.partition_key
    with opened_compute(context, compute, config.container_options(), hub) as opened:
        required_titles = read_required_titles(config.required_titles or None)
        plan = fetch.plan(config.selection(wiki), articles_per_shard=config.shard_articles(wiki))
        raw = materialize(plan, opened, logging_progress(context), RAW_WIKIPEDIA)
        record_what_was_read(context, raw.manifest.settings["raw"])
        record_hub_articles(context, raw.manifest.settings["raw"])
        certificate = record_certificate(
            context,
            opened,
            raw.manifest,
            required_titles=required_titles,
            max_missing_share=config.max_missing_share,
        )
        return materialize_result(context, opened, raw, certificate_metadata(certificate))


@dg.asset(
    deps=[raw_wikipedia],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    code_version=versions.CHUNK,
    metadata=column_lineage(CHUNKED_VOLUME),
)
def chunked_volume(
    context: dg.AssetExecutionContext,
    config: ChunkedVolumeConfig,
    compute: ComputeResource,
    hub: HubResource,
) -> dg.MaterializeResult:
    """The articles cut into chunks that fit the model, with their token ids; nothing is lost.

    Chunks end at sections, paragraphs, sentences or words, in this order of preference, and an
    article's chunks joined together are its whole text.
    """
    from wiki_embeddings.stages import chunk

    with opened_compute(context, compute, config.container_options(), hub) as opened:
        raw = checked_upstream(context, opened, RAW_WIKIPEDIA)
        chunking = opened.call_once(
            chunk.prepare,
            model=config.model_for(context.partition_key),
            revision=config.wanted_revision,
            token_budget=config.token_budget,
            title_prefix=config.title_prefix,
            engine=config.engine.value,
        )
        plan = chunk.plan(raw, chunking)
        chunks = materialize(plan, opened, logging_progress(context), CHUNKED_VOLUME)
        return materialize_result(context, opened, chunks)


@dg.asset(
    deps=[chunked_volume],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"pytorch", "onnx", "parquet"},
    code_version=versions.EMBED,
    metadata=column_lineage(EMBEDDINGS),
)
def embeddings(
    context: dg.AssetExecutionContext,
    config: EmbeddingsConfig,
    compute: ComputeResource,
    hub: HubResource,
) -> dg.MaterializeResult:
    """One vector of unit length for every chunk, as float16, beside the chunk's text.

    A parallel map over shards, on Modal over containers with a GPU. Each shard becomes one file,
    written once; a run that was stopped continues where it was. Vectors of an earlier output are
    reused for the chunks that have not changed, so a refresh embeds only the others.
    """
    from wiki_embeddings.stages import embed

    with opened_compute(context, compute, config.container_options(), hub) as opened:
        chunks = checked_upstream(context, opened, CHUNKED_VOLUME)
        model = chunks.settings["chunks"]
        encoder = opened.describe(
            chunks.model_folder or model["model"],
            model["revision"],
            config.engine.value,
            config.wanted_precision,
        )
        context.log.info(f"Vectors by {encoder.engine} ({encoder.runtime}) in {encoder.precision}")
        previous = newest_reusable(context, opened, embed.plan(chunks, encoder))
        plan = embed.plan(chunks, encoder, previous)
        timeline = Timeline(logging_progress(context))
        vectors = materialize(plan, opened, timeline.listen, EMBEDDINGS)
        record_throughput(opened, vectors)
        # The steps that check them run afterwards, one by one, and so none knows that all passed.
        # They compare the same two manifests, so what they will say is known here.
        if not failed_checks(EMBEDDINGS, vectors.manifest, opened):
            write_current(opened.files, vectors.manifest)
        reused = reuse_metadata(context, opened, vectors, previous)
        pictures = map_metadata(context, opened, vectors.manifest)
        pictures |= effort_pictures(context, vectors, timeline)
        return materialize_result(context, opened, vectors, {**pictures, **reused})


@dg.asset(
    deps=[embeddings],
    partitions_def=wikis,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"huggingface", "parquet"},
    code_version=versions.DATASET,
    metadata=column_lineage(HUB_DATASET),
)
def hub_dataset(
    context: dg.AssetExecutionContext,
    config: HubDatasetConfig,
    compute: ComputeResource,
    hub: HubResource,
) -> dg.MaterializeResult:
    """The dataset in Hub layout, published on the Hub or in a folder: Parquet, an index, a card.

    Readers see the old version or the whole new one, never a mixture.
    """
    from wiki_embeddings.stages import dataset

    with opened_compute(context, compute, config.container_options(), hub) as opened:
        vectors = checked_upstream(context, opened, EMBEDDINGS)
        previous = previous_embeddings(context, opened, vectors, hub)
        progress = logging_progress(context)
        codes = index_codes(context, opened, vectors, config, progress)
        plan = dataset.plan(
            vectors, shards_per_file=config.shards_per_file, previous=previous, codes=codes
        )
        last = dataset.plan_head(plan, codes) if codes else None
        made = materialize(plan, opened, progress, HUB_DATASET, last=last)
        require_checks_pass(HUB_DATASET, made.manifest, opened)
        measured = measure_index(opened, made.manifest)
        uploading = compute.open(config.upload_options())
        published = publish_to_hub(context, made.manifest, hub, uploading, progress, config=config)
        shown = published or show_locally(opened, made.manifest, hub)
        if published or opened.folder is not None:  # else it waits on the Modal volume
            record_published(context, made.manifest.digest, shown)
        return materialize_result(context, opened, made, {**shown, **measured})
