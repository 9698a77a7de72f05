"""A small Hugging Face Hub for tests; see README.md."""

from wiki_embeddings_tests.standins.hub.accounts import (
    BLOCKED_TOKEN,
    FINE_GRAINED_TOKEN,
    SILENT_TOKEN,
    TOKEN,
    WRITE_TOKEN,
)
from wiki_embeddings_tests.standins.hub.faults import Held
from wiki_embeddings_tests.standins.hub.fixtures import hub_fixture
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub, Served
from wiki_embeddings_tests.standins.hub.servers import local_hub

__all__ = [
    "BLOCKED_TOKEN",
    "FINE_GRAINED_TOKEN",
    "SILENT_TOKEN",
    "TOKEN",
    "WRITE_TOKEN",
    "Held",
    "LocalHub",
    "Served",
    "hub_fixture",
    "local_hub",
]
