"""A small site of Wikimedia's exports; see README.md."""

from wiki_embeddings_tests.standins.dumps.faults import Fault
from wiki_embeddings_tests.standins.dumps.site import DumpsSite, Request, dumps_site

__all__ = ["DumpsSite", "Fault", "Request", "dumps_site"]
