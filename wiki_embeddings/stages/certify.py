"""Certify: compare an output of raw articles with whatever else knows what there should be."""

from __future__ import annotations

import math

import pyarrow as pa

from wiki_embeddings.certificate import (
    GONE_SHOWN,
    MIN_SHARE_OF_WIKI_COUNT,
    MISSING_SHOWN,
    Certificate,
    EarlierSnapshot,
    NotCompared,
    RequiredTitles,
    WikiCount,
    count_pages,
    read_certificate,
)
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.sources.site_requests import user_agent
from wiki_embeddings.sources.wiki_statistics import count_articles
from wiki_embeddings.stages.article_columns import first_url, gone_pages, missing_titles
from wiki_embeddings.volume import Volume

SAMPLE_ARTICLES = 106
"""Articles in the bundled dump, counted when it was chosen."""

_DRY_RUN = NotCompared("a dry run has only a share of the articles")


def certify(
    volume: Volume,
    folder: str,
    *,
    earlier: str | NotCompared,
    required_titles: str | None,
    max_missing_share: float,
    contact: str | None,
) -> Certificate:
    """Compare an output of raw articles with the export, the snapshot before and the wiki.

    Holds the ids of two files and the required titles, so memory does not grow with the wiki.

    Args:
        volume: Where the output is.
        folder: Reference of its folder.
        earlier: Reference of the output of the snapshot before, or why there is none to compare
            with.
        required_titles: Reference of a file of titles that must be there, one a line; None
            without one.
        max_missing_share: Largest share of the earlier snapshot's articles that may be gone.
        contact: Who asks the wiki for its own count, for the User-Agent; None to ask nobody.

    Raises:
        BadInputError: The output is damaged.
    """
    raw = existing_manifest(volume, folder)
    is_whole = float(raw.settings["raw"]["fraction"]) == 1
    return Certificate(
        digest=raw.digest,
        snapshot=str(raw.settings["raw"]["snapshot"]),
        articles=raw.rows,
        max_missing_share=max_missing_share,
        pages=count_pages(raw),
        earlier=_compare_with_earlier(volume, raw, earlier) if is_whole else _DRY_RUN,
        wiki_count=_count(volume, raw, max_missing_share, contact) if is_whole else _DRY_RUN,
        required=_look_for(volume, raw, required_titles) if is_whole else _DRY_RUN,
    )


def _compare_with_earlier(
    volume: Volume, raw: Manifest, folder: str | NotCompared
) -> EarlierSnapshot | NotCompared:
    if isinstance(folder, NotCompared):
        return folder
    earlier = existing_manifest(volume, folder)
    snapshot = str(earlier.settings["raw"]["snapshot"])
    try:
        gone = gone_pages(volume, earlier, raw, GONE_SHOWN)
    # An old snapshot that is damaged must not stop a new one, whose files the next asset verifies.
    except (OSError, pa.ArrowException) as error:
        return NotCompared(f"the files of {snapshot} cannot be read: {error}")
    return EarlierSnapshot(snapshot, earlier.rows, gone.number, gone.titles)


def _count(
    volume: Volume, raw: Manifest, max_missing_share: float, contact: str | None
) -> WikiCount | NotCompared:
    if raw.wiki == SAMPLE_WIKI:
        return WikiCount(SAMPLE_ARTICLES, "the bundled dump", at_least=SAMPLE_ARTICLES)
    if not raw.rows:
        return NotCompared("there are no articles")
    if isinstance(count_pages(raw), NotCompared):
        return NotCompared("the snapshot is too old for the wiki's count of today")
    known = read_certificate(volume, raw.folder)
    if known and known.digest == raw.digest and isinstance(known.wiki_count, WikiCount):
        # The older count is nearer to the snapshot, and a repeated run changes nothing.
        articles, origin = known.wiki_count.articles, known.wiki_count.origin
    elif contact is None:
        return NotCompared("the export is not from Wikimedia, so nobody was asked")
    else:
        try:
            articles = count_articles(first_url(volume, raw), user_agent(contact))
            origin = "the wiki itself"
        except WikiEmbeddingsError as error:
            return NotCompared(f"not reached: {error}")
    # Who accepts that more is missing accepts it here, too.
    least_share = min(MIN_SHARE_OF_WIKI_COUNT, 1 - max_missing_share)
    return WikiCount(articles, origin, at_least=math.ceil(articles * least_share))


def _look_for(
    volume: Volume, raw: Manifest, required_titles: str | None
) -> RequiredTitles | NotCompared:
    if required_titles is None:
        return NotCompared("no titles were named")
    titles = volume.read_bytes(required_titles).decode().split("\n")
    missing = missing_titles(volume, raw, titles)
    return RequiredTitles(len(titles), len(missing), tuple(missing[:MISSING_SHOWN]))
