"""A small Hugging Face Hub for tests: on this machine, with faults on order.

It speaks what `huggingface_hub` 2.4 and `datasets` 5.2 ask for. When they read: information on a
repository, its tree in pages, information on paths, the check of access, and files; small ones
from the Hub itself, large ones from a second server, as the real one redirects to a store on
another host. When they write: repositories that come, change and go; upload modes; large objects
by LFS, in one piece or in parts, kept on disk, and by Xet (`xet_handler`); commits with a parent
that must still be the head; branches and tags; pull requests from draft to merge, with conflicts
path by path; cards whose metadata is no YAML. Commits per hour, operations per commit and private
storage are limited as a test says. Tokens open repositories and namespaces by the roles and scopes
of their accounts, and it says whose they are and what they may do.

Tests take the fixture `hub`, which points this process at a Hub of its own; a `conftest.py` that
imports `hub_fixture` has it. `local_hub()` is the same as a context manager, for other processes,
and `clients` starts those.

What it does not model: git itself (commit ids are digests of something else, a merge has one
parent, folders have no ids), blobs and diffs of text, `.gitattributes` (large files are told by
suffix, size and content), the full syntax of `.gitignore`, search, spaces, renamed repositories,
squashed history, `refs/convert`, copies between repositories, limits on requests of other kinds
than commits, limits on the size of files and folders, metadata that is YAML but not valid,
signatures that expire (the store only refuses an `Authorization` header, as S3 does), compressed
answers, the time that the real one takes to show a change, and TLS. Where the real sentences are
not known (a merge that is refused, a commit to a closed pull request), the status is a guess too.
"""

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
