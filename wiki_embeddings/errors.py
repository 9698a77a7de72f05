"""Errors that are meant for people.

Each message is a sentence or two: what was wrong, where, and what to do about it. The command line
and Dagster runs show the message alone. Any other exception is a bug in this project and keeps its
traceback.
"""

from __future__ import annotations


class WikiEmbeddingsError(Exception):
    """Something that a person can fix: the message says what, where and how.

    Attributes:
        may_pass: True if the same may succeed in some minutes, without anybody's doing.
    """

    may_pass: bool = False


class BadInputError(WikiEmbeddingsError):
    """An input that can never work as it is, so a retry is no use."""


class BrokenDeviceError(WikiEmbeddingsError):
    """The device of this process is broken; a process on another device may do its work."""


class BusyError(WikiEmbeddingsError):
    """Other processes of this machine hold what is needed, so nothing was tried."""

    may_pass = True


class OutageError(WikiEmbeddingsError):
    """A service stays unreachable or busy, so whatever else needs it would fail too."""

    may_pass = True
