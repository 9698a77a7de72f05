"""Gives these tests a Hub of their own."""

from __future__ import annotations

from wiki_embeddings_tests.hub_local import hub_fixture

__all__ = ["hub_fixture"]
