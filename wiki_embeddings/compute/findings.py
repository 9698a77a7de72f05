"""What a look at the prerequisites of a run found, for `wiki-embeddings doctor` and for runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: What was checked.
        state: Its state, in a few words.
        remedy: What to do about it, with the command; empty if all is well.
    """

    subject: str
    state: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        subject: What is checked.
        ask: Looks at it. Raises `WikiEmbeddingsError` if that is impossible.
        needs: Subjects without which it cannot be asked.
        needs_answer: Subjects that must have given an answer, whatever it was.
    """

    subject: str
    ask: Callable[[], Finding]
    needs: frozenset[str] = frozenset()
    needs_answer: frozenset[str] = frozenset()
