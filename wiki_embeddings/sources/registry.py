"""Which source a wiki comes from, and one way to plan and open parts of any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.sources import hub, sample
from wiki_embeddings.sources.hub import HubPart
from wiki_embeddings.sources.protocol import OpenedPart, Progress, SourcePlan
from wiki_embeddings.sources.sample import SamplePart

Part: TypeAlias = SamplePart | HubPart


def plan(
    wiki: str, *, snapshot: str, fraction: float
) -> SourcePlan[SamplePart] | SourcePlan[HubPart]:
    """Find out what there is to fetch for a wiki.

    Args:
        wiki: `sample`, or the language code of a Wikipedia.
        snapshot: Date of the edition on the Hub; the sample has only its own.
        fraction: Share of the articles to keep, above 0 and at most 1.

    Raises:
        BadInputError: There is no such wiki or snapshot, or the sample is not installed.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    if wiki == SAMPLE_WIKI:
        return sample.plan(fraction)
    return hub.plan(wiki, snapshot=snapshot, fraction=fraction)


def open_part(part: Part, scratch: Path, progress: Progress) -> OpenedPart:
    """Open one part for reading, fetching it first where it is not at hand.

    Args:
        part: The part.
        scratch: Folder in which downloads are kept until `discard`.
        progress: Called with the units done: articles of the sample, bytes from the Hub.

    Raises:
        BadInputError: The part is corrupt, or not what was planned.
        WikiEmbeddingsError: It cannot be fetched now.
    """
    if isinstance(part, SamplePart):
        return sample.open_part(part, progress)
    return hub.open_part(part, scratch, progress)


def discard(part: Part, scratch: Path) -> None:
    """Remove what fetching a part left in the scratch folder, once its rows are stored."""
    if isinstance(part, HubPart):
        hub.discard(part, scratch)


def units(part: Part) -> int:
    """Work in a part: articles of the sample, bytes from the Hub."""
    return part.size if isinstance(part, HubPart) else part.articles


def unit(wiki: str) -> str:
    """What `units` counts for a wiki, in the plural."""
    return "articles" if wiki == SAMPLE_WIKI else "bytes"


def bound_by(wiki: str) -> Literal["core", "network"]:
    """What fetching one part keeps busy: the sample converts, the Hub sends."""
    return "core" if wiki == SAMPLE_WIKI else "network"
