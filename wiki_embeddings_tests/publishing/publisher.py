"""A publisher in a process of its own: `python -m … VOLUME FOLDER REPO_ID`, to be killed.

Prints as JSON what came of it, or the error that a person would be shown.
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
from wiki_embeddings.publishing.merge import Published, conclude
from wiki_embeddings.publishing.preflight import prepare


def publish(
    compute: LocalCompute, folder: str, repo_id: str, *, private: bool = False
) -> Published:
    """Publish a dataset as the asset does, without Dagster."""
    ready = compute.call(prepare, folder, repo_id, private=private)
    if ready.missing:
        published = existing_manifest(compute.files, folder)
        plan = upload.plan(published, repo_id, ready.missing, secrets.token_hex(8))
        materialize(plan, compute, silent, "hub_dataset")
    return compute.call(conclude, folder, repo_id, author=ready.author, replaces=ready.replaces)


def main(root: str, folder: str, repo_id: str) -> None:
    try:
        done = publish(LocalCompute(Path(root), cores=2), folder, repo_id)
    except WikiEmbeddingsError as error:
        tell({"error": str(error)})
        sys.exit(1)
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    tell({**asdict(done), "uploader_peak_kib": peak_kib})


def tell(content: Mapping[str, object]) -> None:
    """Print a line for the test that has started this."""
    sys.stdout.write(f"{json.dumps(content)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
