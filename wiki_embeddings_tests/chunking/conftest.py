from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.chunking import ChunkTokenizer, load_tokenizer
from wiki_embeddings_tests.chunking.tokenizers import cased_tokenizer, plain


@pytest.fixture(scope="session")
def tokenizer_path() -> Path:
    """The published tokenizer of all-MiniLM-L6-v2."""
    return bundled_model() / "tokenizer.json"


@pytest.fixture(scope="session")
def cased_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that keeps case and accents."""
    path = tmp_path_factory.mktemp("cased") / "tokenizer.json"
    cased_tokenizer().save(str(path))
    return path


@pytest.fixture(scope="session")
def tokenizer(tokenizer_path: Path) -> ChunkTokenizer:
    """The tokenizer under test; shared by all tests, as a worker keeps it over all batches."""
    return load_tokenizer(tokenizer_path)


@pytest.fixture(scope="session")
def cased(cased_path: Path) -> ChunkTokenizer:
    return load_tokenizer(cased_path)


@pytest.fixture(scope="session")
def backend(tokenizer_path: Path) -> Tokenizer:
    """The same tokenizer without our code, to compare with."""
    return plain(tokenizer_path)


@pytest.fixture(scope="session")
def cased_backend(cased_path: Path) -> Tokenizer:
    return plain(cased_path)
