"""What a run on this machine needs: a folder, Dagster's record, the sample's files, an engine."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from wiki_embeddings import settings
from wiki_embeddings.cli.sizes import size
from wiki_embeddings.compute.findings import Check, Finding
from wiki_embeddings.host import usable_cores

_LEAST_FREE_BYTES = 1e9
"""Less than this is too little even for the model of a small wiki and its vectors."""

_HOME = "Folder for all outputs"
_DAGSTER = "Dagster's record"
_SAMPLE = "Files of the sample"
_ENGINE = "Engine for the vectors"
_CONTACT = "Contact for Wikimedia"


def local_checks(known: settings.Settings, where: settings.ComputeKind) -> list[Check]:
    """List the checks of this machine in their order.

    Args:
        known: The settings.
        where: Where the stages run; on Modal they need no files and no engine here.
    """
    stages = [Check(_SAMPLE, check_sample), Check(_ENGINE, check_engine)]
    return [
        Check(_HOME, partial(check_home, known.home)),
        Check(_DAGSTER, partial(check_dagster, known.dagster_home)),
        *(stages if where == "local" else []),
        Check(_CONTACT, check_contact),
    ]


def check_home(home: Path) -> Finding:
    """Check that the home can be written to, and has room."""
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        remedy = "Fix the permissions, or set WIKI_EMBEDDINGS_HOME to another folder."
        return Finding(_HOME, f"{home} cannot be written to", remedy)
    state = f"{home}, {size(free)} free"
    if free < _LEAST_FREE_BYTES:
        return Finding(
            _HOME, state, "Free some space, or set WIKI_EMBEDDINGS_HOME to a folder elsewhere."
        )
    return Finding(_HOME, state)


def check_dagster(home: Path) -> Finding:
    """Check that Dagster opens its record, if there is one.

    Raises:
        WikiEmbeddingsError: It does not; says what to do.
    """
    if not (home / "dagster.yaml").is_file():
        return Finding(_DAGSTER, f"{home}, which the first run creates")
    from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
    from wiki_embeddings.defs.wikis import known_wikis

    with instance.opened(home) as record:
        wikis = ", ".join(known_wikis(record)) or "no wikis yet"
    return Finding(_DAGSTER, f"{home} ({wikis})")


def check_sample() -> Finding:
    """Check the files that the sample is made from.

    Raises:
        BadInputError: One is missing or is not the pinned one; says how to install it.
    """
    from wiki_embeddings.bundled import bundled_dump, bundled_model

    bundled_dump()
    bundled_model()
    return Finding(_SAMPLE, "installed, with the right checksums")


def check_engine() -> Finding:
    """Check which engine `auto` is here.

    Raises:
        BadInputError: This machine has a GPU that should work and does not.
    """
    from wiki_embeddings.encoders import engines

    name = engines.select(engines.AUTO)
    runtime = engines.TABLE[name].runtime(None)
    where = f"{usable_cores()} cores" if name == "cpu" else "this machine's GPU"
    return Finding(_ENGINE, f"{name} ({runtime}), on {where}")


def check_contact() -> Finding:
    """Say whether Wikimedia can reach whoever runs this; the sample does without.

    Raises:
        BadInputError: A setting of the exports is invalid.
    """
    contact = settings.dumps().contact
    if contact:
        return Finding(_CONTACT, contact)
    return Finding(
        _CONTACT, "none, which only the sample does without: WIKI_EMBEDDINGS_CONTACT names one"
    )
