from __future__ import annotations

from wiki_embeddings_tests.tei_local.fixtures import tei_fixture

__all__ = ["tei_fixture"]
