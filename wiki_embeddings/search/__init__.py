"""Search: the passages nearest to a question, wherever the vectors are.

The public interface:

    from wiki_embeddings import search

    index = search.open("ada/wikipedia-en-bge-small-en-v1.5")
    for passage in index.query("Why is the sky blue?", k=10):
        print(passage.score, passage.title, passage.url)

`docs/search.md` describes it. Everything else in this package may change.
"""

from wiki_embeddings.search.opening import open  # noqa: A004 (read as `search.open`)
from wiki_embeddings.search.passages import Passage
from wiki_embeddings.search.questions import Index

__all__ = ["Index", "Passage", "open"]
