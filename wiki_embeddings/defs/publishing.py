"""What `hub_dataset` does when its files are made: publish them, and say how to load them.

With a namespace they go to the Hugging Face Hub; without one they are shown under the dataset's
name in a folder, or stay on the Modal volume.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from wiki_embeddings.card import dataset_name, hub_snippet, snippet
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.modal.deployment import VOLUME
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.defs.metadata import materialize
from wiki_embeddings.defs.resources import HubResource
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.progress import Listener
from wiki_embeddings.publishing import upload
from wiki_embeddings.publishing.local_folder import publish_to_folder
from wiki_embeddings.volume import Volume

_ASSETS = [
    dg.AssetKey(name) for name in ("raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset")
]


def require_publishable(
    context: dg.AssetExecutionContext, compute: Compute, hub: HubResource
) -> None:
    """Make sure that the token may write to the namespace.

    Asked by the first asset of a run that goes on to `hub_dataset`, before anything expensive, and
    by no other one of it.

    Raises:
        BadInputError: It may not; says what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    run = [key for key in _ASSETS if key in context.job_def.asset_layer.selected_asset_keys]
    if hub.namespace and _ASSETS[-1] in run and context.asset_key == run[0]:
        from wiki_embeddings.publishing import preflight  # loads the Hub's client

        compute.call_hub(preflight.require_write_access, hub.namespace)


def publish_to_hub(
    context: dg.AssetExecutionContext,
    published: Manifest,
    hub: HubResource,
    compute: Compute,
    listener: Listener,
    *,
    private: bool,
) -> dict[str, Any]:
    """Publish a dataset on the Hub, if it is to go there.

    Args:
        context: Of the asset.
        published: Manifest of the dataset.
        hub: Where it goes.
        compute: What uploads it.
        listener: Told of progress.
        private: Whether a repository that has to be made is private.

    Returns:
        What Dagster records of it; nothing without a namespace.

    Raises:
        BadInputError: The Hub refuses, or somebody else publishes at the same time.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    repo_id = hub.repo_id(published)
    if repo_id is None:
        return {}
    from wiki_embeddings.publishing import merge, preflight  # load the Hub's client

    ready = compute.call_hub(
        preflight.prepare_repository, published.folder, repo_id, private=private
    )
    if ready.missing:
        plan = upload.plan(published, repo_id, ready.missing, context.run.run_id)
        materialize(context, plan, compute, listener)
    done = compute.call_hub(
        merge.publish_uploaded,
        published.folder,
        repo_id,
        author=ready.author,
        previous_digest=ready.previous_digest,
    )
    context.log.info(
        f"Published to {done.url} as {done.tag}"
        if done.has_changed
        else f"{done.url} holds this dataset already: nothing has been changed"
    )
    return {
        "hub": dg.MetadataValue.url(done.url),
        "hub_commit": done.commit,
        "hub_tag": done.tag,
        "hub_changed": done.has_changed,
        **(
            {"pull_request": dg.MetadataValue.url(done.pull_request_url)}
            if done.pull_request_url
            else {}
        ),
        **_how_to_load(repo_id, f"```python\n{hub_snippet(repo_id, done.tag)}\n```"),
    }


def reads_back(published: Manifest, compute: Compute, hub: HubResource) -> CheckResult:
    """Whether readers of the Hub get what was written."""
    repo_id = hub.repo_id(published)
    if repo_id is None:
        return CheckResult(True, "It is not on the Hub: no namespace is set.", {})
    from wiki_embeddings.publishing import readback  # loads the Hub's client

    return compute.call_hub(readback.check_readback, published.folder, repo_id)


def show(compute: Compute, published: Manifest, hub: HubResource) -> dict[str, Any]:
    """Make a finished dataset visible, and say how to load it.

    On this machine it becomes visible under its name; on a volume elsewhere it is fetched by its
    readers.

    Raises:
        BadInputError: Something else has the dataset's name.
        UnusableVolumeError: The folder cannot be written to.
    """
    if compute.folder is not None:
        place = publish_to_folder(Volume(compute.folder), published.folder, Path(hub.folder))
        return _how_to_load(str(place), f"```python\n{snippet(str(place))}\n```")
    folder, name = published.folder, dataset_name(published)
    fetch = f"modal volume get {VOLUME} {folder} .\nmv {Path(folder).name} {name}"
    steps = f"```sh\n{fetch}\n```\n\n```python\n{snippet(name)}\n```"
    return _how_to_load(compute.files.where(folder), steps)


def _how_to_load(place: str, steps: str) -> dict[str, Any]:
    return {"dataset": dg.MetadataValue.path(place), "how_to_load": dg.MetadataValue.md(steps)}
