from __future__ import annotations

import pytest

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.sources.wiki_statistics import count_articles
from wiki_embeddings_tests.support.wiki_api import wiki_api


def test_a_wiki_tells_how_many_articles_it_counts():
    with wiki_api(6_912_345) as wiki:
        assert count_articles(wiki.article_url, "embedder/1 (ada@example.org)") == 6_912_345
        assert wiki.asked == ["embedder/1 (ada@example.org)"]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b"busy", "answers with status 503"),
        (302, b"", "answers with status 302"),
        (200, b"<html>Sign in to this network</html>", "answers without a count"),
        (200, b'{"error": {"code": "maxlag"}}', "answers without a count"),
        (200, b"[]", "answers without a count"),
    ],
)
def test_an_answer_without_a_count_is_named(status, body, reason):
    with wiki_api(0) as wiki:
        wiki.status, wiki.body = status, body
        with pytest.raises(WikiEmbeddingsError, match=f"/w/api.php {reason}"):
            count_articles(wiki.article_url, "embedder/1")
        assert len(wiki.asked) == 1


def test_a_wiki_that_is_not_there_is_not_reached():
    with wiki_api(0) as wiki:
        gone = wiki.article_url
    with pytest.raises(WikiEmbeddingsError, match="was not reached"):
        count_articles(gone, "embedder/1")
