from __future__ import annotations

import pytest

from wiki_embeddings_tests.support.synthetic import write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=2, rows_each=10)
