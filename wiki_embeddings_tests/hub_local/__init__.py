"""A small Hugging Face Hub for tests: read-only, on this machine, with faults on order.

It speaks what `huggingface_hub` 2.4 and `datasets` 5.2 ask for when they read: information on a
repository, its tree in pages, information on paths, the check of access, and files; small ones
from the Hub itself, large ones from a second server, as the real one redirects to a store on
another host. Tokens open private and gated repositories, and it says whose they are and what they
may do.

Tests take the fixture `hub`, which points this process at a Hub of its own; a `conftest.py` that
imports `hub_fixture` has it. `local_hub()` is the same as a context manager, for other processes.

What it does not model: writing of any kind, Xet, search, discussions, refs other than branches,
spaces, renamed repositories, compressed answers, rate limits (order a 429 instead), signatures
that expire (the store only refuses an `Authorization` header, as S3 does), and TLS.
"""

from wiki_embeddings_tests.hub_local.accounts import (
    BLOCKED_TOKEN,
    FINE_GRAINED_TOKEN,
    TOKEN,
    WRITE_TOKEN,
)
from wiki_embeddings_tests.hub_local.fixtures import hub_fixture
from wiki_embeddings_tests.hub_local.local_hub import LocalHub, Served
from wiki_embeddings_tests.hub_local.servers import local_hub

__all__ = [
    "BLOCKED_TOKEN",
    "FINE_GRAINED_TOKEN",
    "TOKEN",
    "WRITE_TOKEN",
    "LocalHub",
    "Served",
    "hub_fixture",
    "local_hub",
]
