"""The certificate of fetched articles: what is known of their completeness, in a few numbers.

An export whose files match their checksums can still lack pages: Wikimedia reported exports that
lost the pages edited while they were written (T431872). So the articles are compared with whatever
else knows what there should be. The certificate is a JSON file beside the output; the check
`articles_complete` judges it, and the dataset's card shows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from wiki_embeddings.manifest import Manifest
from wiki_embeddings.volume import Files, canonical_json, certificate_record

FORMAT = 1

GONE_SHOWN = 20
MISSING_SHOWN = 10
"""Most titles of articles that are gone, and of required ones that are missing: enough to see of
what kind they are, few enough for a record below 10 KB."""

MIN_SHARE_OF_WIKI_COUNT = 0.95
"""A snapshot with less than this share of the articles that the wiki counts is incomplete.

The wiki counts now, and the newest export may be a month old, in which a Wikipedia seldom grows by
more than 1 %. The wiki leaves out articles without a link to another page, which the export has
(https://www.mediawiki.org/wiki/Manual:Article_count), and its counter is off by a few when jobs are
late. The loss of one file of a large edition, which has about 20 of equal size, is 5 %."""

PartT = TypeVar("PartT")

_PAGES_IN_NAMESPACE = "pages_in_namespace_"
_LEFT_OUT = "left_out_"


@dataclass(frozen=True)
class NotCompared:
    """A comparison that was not made.

    Attributes:
        reason: Why, in a few words.
    """

    reason: str


@dataclass(frozen=True)
class Pages:
    """The pages of an export; each is an article or was left out for a reason.

    Attributes:
        read: All pages in the export.
        by_namespace: Their number by the number of the namespace, as text; 0 has the articles.
        left_out: Those that are not among the articles, by reason.
    """

    read: int
    by_namespace: Mapping[str, int]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class EarlierSnapshot:
    """The articles of the snapshot before, and those of them that are gone.

    Attributes:
        snapshot: Its date.
        articles: Its articles.
        gone: Number of its page ids that are no articles any more: deleted, merged into another
            article (a redirect is left out), or moved out of the namespace of articles. A moved
            article keeps its page id, so it is not gone.
        titles: Titles of some of them, drawn at random.
    """

    snapshot: str
    articles: int
    gone: int
    titles: tuple[str, ...]


@dataclass(frozen=True)
class WikiCount:
    """The number of articles that the wiki counts itself.

    Attributes:
        articles: Its count.
        origin: Where it comes from, for people.
        at_least: Fewest articles that a complete snapshot has.
    """

    articles: int
    origin: str
    at_least: int


@dataclass(frozen=True)
class RequiredTitles:
    """The articles that must be there, because the user named them.

    Attributes:
        titles: Number of titles.
        missing: Number of titles without an article.
        examples: Some of these.
    """

    titles: int
    missing: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Certificate:
    """What is known of the completeness of an output of raw articles.

    Attributes:
        digest: Digest of the output's manifest.
        snapshot: Date of the snapshot.
        articles: Number of articles.
        max_missing_share: Largest share of the earlier snapshot's articles that may be gone.
        pages: The pages of the export.
        earlier: The snapshot before.
        wiki_count: The wiki's own count.
        required: The articles that must be there.
    """

    digest: str
    snapshot: str
    articles: int
    max_missing_share: float
    pages: Pages | NotCompared
    earlier: EarlierSnapshot | NotCompared
    wiki_count: WikiCount | NotCompared
    required: RequiredTitles | NotCompared


def count_pages(raw: Manifest) -> Pages | NotCompared:
    """Count the pages of an export from the statistics of its files."""
    totals = {name: value for name, value in raw.totals.items() if isinstance(value, int)}
    if "pages" not in totals:
        return NotCompared("the source tells only the articles")
    return Pages(
        read=raw.total("pages"),
        by_namespace=_with_prefix(totals, _PAGES_IN_NAMESPACE),
        left_out=_with_prefix(totals, _LEFT_OUT),
    )


def _with_prefix(totals: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): totals[name]
        for name in sorted(totals)
        if name.startswith(prefix)
    }


def write_certificate(files: Files, folder: str, certificate: Certificate) -> None:
    """Write the certificate of an output folder.

    Raises:
        WikiEmbeddingsError: It cannot be stored.
    """
    content = canonical_json({"format": FORMAT, **asdict(certificate)})
    files.write_bytes(certificate_record(folder), content)


def read_certificate(files: Files, folder: str) -> Certificate | None:
    """Read the certificate of an output folder; None if there is none of this format."""
    try:
        content = json.loads(files.read_bytes(certificate_record(folder)))
        return _parse(content) if content.pop("format") == FORMAT else None
    # A certificate that cannot be read is as good as none: it is written again with the output.
    except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _parse(content: Mapping[str, Any]) -> Certificate:
    return Certificate(
        digest=content["digest"],
        snapshot=content["snapshot"],
        articles=content["articles"],
        max_missing_share=content["max_missing_share"],
        pages=_parse_part(Pages, content["pages"]),
        earlier=_parse_part(EarlierSnapshot, content["earlier"]),
        wiki_count=_parse_part(WikiCount, content["wiki_count"]),
        required=_parse_part(RequiredTitles, content["required"]),
    )


def _parse_part(make: Callable[..., PartT], content: Mapping[str, Any]) -> PartT | NotCompared:
    if "reason" in content:
        return NotCompared(**content)
    return make(**{k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})
