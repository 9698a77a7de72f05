"""A publisher for tests to kill, in a separate process: `python -m … VOLUME FOLDER REPO_ID`.

Prints the result as JSON, or the error as a person would see it.
"""

from __future__ import annotations

import json
import resource
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.publishing import upload
from wiki_embeddings.publishing.merge import PublishResult, publish_uploaded
from wiki_embeddings.publishing.preflight import prepare_repository


def publish(
    compute: LocalCompute, folder: str, repo_id: str, *, private: bool = False, **options: bool
) -> PublishResult:
    """Publish a dataset as the asset does, without Dagster."""
    ready = compute.call(prepare_repository, folder, repo_id, private=private, **options)
    if ready.missing:
        manifest = existing_manifest(compute.files, folder)
        plan = upload.plan(manifest, repo_id, ready.missing, secrets.token_hex(8))
        materialize(plan, compute, silent, "hub_dataset")
    return compute.call(
        publish_uploaded,
        folder,
        repo_id,
        author=ready.author,
        previous_digest=ready.previous_digest,
    )


def main(root: str, folder: str, repo_id: str) -> None:
    try:
        result = publish(LocalCompute(Path(root), cores=2), folder, repo_id)
    except WikiEmbeddingsError as error:
        print_json({"error": str(error)})
        sys.exit(1)
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print_json({**asdict(result), "uploader_peak_kib": peak_kib})


def print_json(content: Mapping[str, object]) -> None:
    """Print a line for the test that started this process."""
    sys.stdout.write(f"{json.dumps(content)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
