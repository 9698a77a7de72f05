from __future__ import annotations

import dataclasses

import pytest

from wiki_embeddings.certificate import (
    GONE_SHOWN,
    MISSING_SHOWN,
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
    read_certificate,
    write_certificate,
)
from wiki_embeddings.volume import certificate_record

LONGEST_TITLE = "語" * 85  # 255 bytes, the most that MediaWiki takes

CERTIFICATE = Certificate(
    digest="0" * 64,
    snapshot="20261101",
    articles=7_000_000,
    max_missing_share=0.01,
    pages=Pages(
        61_000_000,
        {str(namespace): 10_000_000 for namespace in range(40)},
        {"redirect": 11_000_000, "other_namespace": 43_000_000},
    ),
    earlier=EarlierSnapshot("20261001", 6_990_000, 5_000, (LONGEST_TITLE,) * GONE_SHOWN),
    wiki_count=WikiCount(7_000_100, "the wiki itself", 6_650_095),
    required=RequiredTitles(10_000, 400, (LONGEST_TITLE,) * MISSING_SHOWN),
)


def test_a_certificate_is_small_and_read_as_it_was_written(volume):
    write_certificate(volume, "en/raw/0123", CERTIFICATE)
    assert len(volume.read_bytes(certificate_record("en/raw/0123"))) < 10_000
    assert read_certificate(volume, "en/raw/0123") == CERTIFICATE


def test_what_was_not_compared_stays_so(volume):
    reason = NotCompared("because")
    certificate = dataclasses.replace(CERTIFICATE, pages=reason, earlier=reason)
    write_certificate(volume, "en/raw/0123", certificate)
    assert read_certificate(volume, "en/raw/0123") == certificate


@pytest.mark.parametrize(
    "content",
    [None, b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 9}', b'{"format": 1, "pages": 3}'],
)
def test_a_file_that_is_no_certificate_counts_as_none(volume, content):
    if content is not None:
        volume.write_bytes(certificate_record("en/raw/0123"), content)
    assert read_certificate(volume, "en/raw/0123") is None
