"""Writes the certificate of raw articles beside them, once they are fetched, and shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.card.completeness import completeness_table
from wiki_embeddings.certificate import (
    Certificate,
    NotCompared,
    read_certificate,
    write_certificate,
)
from wiki_embeddings.checks import articles_complete
from wiki_embeddings.defs.materializations import earlier_manifests
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import required_titles_record

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.manifest import Manifest

_MAX_TITLE_BYTES = 255
"""MediaWiki has no longer titles (https://www.mediawiki.org/wiki/Manual:Page_title)."""


def read_required_titles(path: str | None) -> tuple[str, ...]:
    """Read the titles that a user requires: one a line, empty lines ignored.

    Args:
        path: Path of the file, UTF-8; None without one.

    Raises:
        BadInputError: It cannot be read, or is not a list of titles.
    """
    if path is None:
        return ()
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"The required titles in {path!r} cannot be read: {error}. required_titles of "
            f"{RAW_WIKIPEDIA} is the path of a text file in UTF-8 on the machine that runs Dagster."
        ) from error
    titles = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    too_long = [title for title in titles if len(title.encode()) > _MAX_TITLE_BYTES]
    if too_long or not titles:
        what = f"a line of {len(too_long[0]):,} characters" if too_long else "no title"
        raise BadInputError(
            f"The file {path!r} has {what}: required_titles of {RAW_WIKIPEDIA} names a file with "
            "the title of one article on each line."
        )
    return titles


def record_certificate(
    context: dg.AssetExecutionContext,
    compute: Compute,
    raw: Manifest,
    *,
    required_titles: tuple[str, ...],
    max_missing_share: float,
) -> Certificate:
    """Compare fetched articles with all that knows what there should be, and record the result.

    Args:
        context: The asset's context.
        compute: The compute that has the articles.
        raw: Manifest of the articles.
        required_titles: Titles that must be among them.
        max_missing_share: Largest share of the earlier snapshot's articles that may be gone.

    Raises:
        WikiEmbeddingsError: The record cannot be stored.
    """
    from wiki_embeddings.stages.certify import certify  # loads Arrow

    site = settings.dumps()
    required = required_titles_record(raw.folder)
    if required_titles:  # a file, because a long list is more than a message should be
        compute.files.write_bytes(required, "\n".join(required_titles).encode())
    certificate = compute.call(
        certify,
        raw.folder,
        earlier=_earlier_snapshot(context, compute, raw),
        required_titles=required if required_titles else None,
        max_missing_share=max_missing_share,
        # A copy of the exports is often where the wiki itself cannot be reached.
        contact=site.contact if site.url == settings.WIKIMEDIA_DUMPS else None,
    )
    write_certificate(compute.files, raw.folder, certificate)
    return certificate


def _earlier_snapshot(
    context: dg.AssetExecutionContext, compute: Compute, raw: Manifest
) -> str | NotCompared:
    """Return the folder of the newest whole earlier snapshot that is not known to be incomplete.

    Otherwise articles that two exports in a row had lost would pass with the second. One from
    another source may be of years before, when many articles were there that are gone by now.
    """
    snapshot, source = str(raw.settings["raw"]["snapshot"]), raw.settings["raw"]["source"]
    not_compared = NotCompared("there is no earlier snapshot")
    for earlier in earlier_manifests(
        context.instance, compute, RAW_WIKIPEDIA, raw.wiki, raw.folder
    ):
        of_earlier = earlier.settings["raw"]
        if str(of_earlier["snapshot"]) >= snapshot or float(of_earlier["fraction"]) < 1:
            continue
        if of_earlier["source"] != source:
            not_compared = NotCompared("the earlier snapshot is from another source")
            continue
        certificate = read_certificate(compute.files, earlier.folder)
        if certificate is None or articles_complete(earlier, certificate).passed:
            return earlier.folder
    return not_compared


def certificate_metadata(certificate: Certificate) -> dict[str, Any]:
    """Describe the completeness of articles for Dagster."""
    return {"completeness": dg.MetadataValue.md(completeness_table(certificate))}
