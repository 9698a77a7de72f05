from __future__ import annotations

from wiki_embeddings_tests.standins.tei.fixtures import tei_fixture

__all__ = ["tei_fixture"]
