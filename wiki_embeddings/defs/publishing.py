"""What `hub_dataset` does once its files are made: publish them, and say how to load them.

With a namespace they go to the Hugging Face Hub. Without one they appear under the dataset's name
in a local folder, or stay on the Modal volume.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS, CHUNKED_VOLUME, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.modal.deployment import VOLUME
from wiki_embeddings.defs.config import ChunkedVolumeConfig, HubDatasetConfig, RawWikipediaConfig
from wiki_embeddings.defs.materializations import (
    current_manifest,
    earlier_manifests,
    manifest_if_unchanged,
)
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.defs.preflight import config_of, selected_assets
from wiki_embeddings.manifest import Upstream
from wiki_embeddings.volume import Volume

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.defs.resources import HubResource
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.progress import Listener


def require_publishable(
    context: dg.AssetExecutionContext, compute: Compute, hub: HubResource
) -> None:
    """Check that a run's dataset may be published, if this is the first asset of such a run.

    Only the first asset of a run that includes `hub_dataset` asks, before anything expensive: the
    dataset's name follows from the run's config and from what is materialized already.

    Raises:
        BadInputError: It may not be published; says what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    run = selected_assets(context)
    if HUB_DATASET not in run or context.asset_key != dg.AssetKey(run[0]):
        return
    name = _planned_name(context, compute)
    if hub.namespace:
        from wiki_embeddings.publishing import preflight  # loads the Hub's client

        config = HubDatasetConfig(**config_of(context, HUB_DATASET))
        compute.call(
            preflight.require_publishable,
            f"{hub.namespace}/{name}",
            private=config.private,
            replace_existing=config.replace_existing,
        )
    elif compute.folder is not None:
        from wiki_embeddings.publishing import local_folder

        local_folder.require_publishable(hub.local_folder(), name)


def _planned_name(context: dg.AssetExecutionContext, compute: Compute) -> str:
    """Return the name of the dataset that this run will publish."""
    from wiki_embeddings.card import planned_dataset_name

    wiki = context.partition_key
    raw = RawWikipediaConfig(**config_of(context, RAW_WIKIPEDIA))
    model, fraction = None, raw.fraction
    # What this run does not make again, it reads from the last materialization.
    kept = [key for key in ASSET_KEYS[:-1] if key not in selected_assets(context)]
    if kept:
        manifest = current_manifest(context.instance, compute, kept[-1], wiki)
        fraction = float(manifest.settings["raw"]["fraction"])
        model = manifest.model_folder or manifest.settings.get("chunks", {}).get("model")
    if model is None:
        model = ChunkedVolumeConfig(**config_of(context, CHUNKED_VOLUME)).model_for(wiki)
    return planned_dataset_name(wiki, str(model), fraction)


def previous_embeddings(
    context: dg.AssetExecutionContext, compute: Compute, vectors: Manifest, hub: HubResource
) -> Manifest | None:
    """Find the embeddings of the snapshot that readers have now, to tell them what changed.

    For a dataset that is published already, these are the ones that it was compared with.

    Returns:
        Their manifest; None if this is the first snapshot, if it is not known what was published,
        or if another encoder made it, so that every vector is a new one.

    Raises:
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    from wiki_embeddings.stages.reuse import can_reuse  # loads Arrow

    digest = _published_digest(compute, vectors, hub)
    if digest is None:
        return None
    made = earlier_manifests(context.instance, compute, HUB_DATASET, vectors.wiki, folder="")
    published = next((dataset for dataset in made if dataset.digest == digest), None)
    since = published.upstream if published else None
    if published and since == vectors.as_upstream():
        named = published.settings["hub"].get("changes_since")
        since = Upstream(named["folder"], named["digest"]) if named else None
        if since is None:
            return None
    previous = manifest_if_unchanged(compute, since.folder, since.digest) if since else None
    if previous is None:
        context.log.warning("What is published now is not on the volume: `changes` is left out")
        return None
    if not can_reuse(previous, vectors.settings):
        context.log.info("What is published now is by another encoder: `changes` is left out")
        return None
    return previous


def _published_digest(compute: Compute, vectors: Manifest, hub: HubResource) -> str | None:
    """Return the digest of the dataset that readers have now; None if there is none."""
    repo_id = hub.repo_id(vectors)
    if repo_id is not None:
        from wiki_embeddings.publishing import preflight  # loads the Hub's client

        return compute.call(preflight.published_digest, repo_id)
    if compute.folder is None:
        return None  # its readers download it from the Modal volume: nobody knows what they have
    from wiki_embeddings.card import dataset_name
    from wiki_embeddings.publishing import local_folder

    return local_folder.published_digest(hub.local_folder(), dataset_name(vectors))


def publish_to_hub(
    context: dg.AssetExecutionContext,
    dataset: Manifest,
    hub: HubResource,
    compute: Compute,
    listener: Listener,
    *,
    config: HubDatasetConfig,
) -> dict[str, Any]:
    """Publish a dataset on the Hub, if a namespace is set.

    Args:
        context: The asset's context.
        dataset: Manifest of the dataset.
        hub: Where it is published.
        compute: The compute that uploads it.
        listener: Called with the progress of the upload.
        config: How it is published.

    Returns:
        Metadata for Dagster; empty without a namespace.

    Raises:
        BadInputError: The Hub refuses, or another publisher was faster.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    repo_id = hub.repo_id(dataset)
    if repo_id is None:
        return {}
    from wiki_embeddings.card import hub_snippet
    from wiki_embeddings.publishing import merge, preflight, upload  # load the Hub's client

    ready = compute.call(
        preflight.prepare_repository,
        dataset.folder,
        repo_id,
        private=config.private,
        replace_existing=config.replace_existing,
    )
    if ready.missing:
        plan = upload.plan(
            dataset,
            repo_id,
            ready.missing,
            context.run.run_id,
            replace_existing=config.replace_existing,
        )
        materialize(plan, compute, listener, HUB_DATASET)
    published = compute.call(
        merge.publish_uploaded,
        dataset.folder,
        repo_id,
        author=ready.author,
        previous_digest=ready.previous_digest,
    )
    context.log.info(
        f"Published to {published.url} as {published.tag}"
        if published.has_changed
        else f"{published.url} has this dataset already: nothing was changed"
    )
    pull_request = (
        {"pull_request": dg.MetadataValue.url(published.pull_request_url)}
        if published.pull_request_url
        else {}
    )
    return {
        "hub": dg.MetadataValue.url(published.url),
        "hub_commit": published.commit,
        "hub_tag": published.tag,
        "hub_changed": published.has_changed,
        **pull_request,
        **_how_to_load(repo_id, f"```python\n{hub_snippet(repo_id, published.tag)}\n```"),
    }


def reads_back(dataset: Manifest, compute: Compute, hub: HubResource) -> CheckResult:
    """Check that readers of the Hub get what was written."""
    repo_id = hub.repo_id(dataset)
    if repo_id is None:
        return CheckResult(True, "It is not on the Hub: no namespace is set.", {})
    from wiki_embeddings.publishing import readback  # loads the Hub's client

    return compute.call(readback.check_readback, dataset.folder, repo_id)


def show_locally(compute: Compute, dataset: Manifest, hub: HubResource) -> dict[str, Any]:
    """Make a finished dataset visible without the Hub; gives metadata that says how to load it.

    A local dataset appears in the Hub folder under its name. One on a Modal volume is downloaded by
    its readers.

    Raises:
        BadInputError: Something else has the dataset's name.
        UnusableVolumeError: The folder cannot be written to.
    """
    from wiki_embeddings.card import dataset_name, snippet

    if compute.folder is not None:
        from wiki_embeddings.publishing.local_folder import publish_to_folder

        path = str(publish_to_folder(Volume(compute.folder), dataset.folder, hub.local_folder()))
        return _how_to_load(path, f"```python\n{snippet(path)}\n```")
    folder, name = dataset.folder, dataset_name(dataset)
    download = f"modal volume get {VOLUME} {folder} .\nmv {Path(folder).name} {name}"
    steps = f"```sh\n{download}\n```\n\n```python\n{snippet(name)}\n```"
    return _how_to_load(compute.files.where(folder), steps)


def _how_to_load(path: str, steps: str) -> dict[str, Any]:
    return {"dataset": dg.MetadataValue.path(path), "how_to_load": dg.MetadataValue.md(steps)}
