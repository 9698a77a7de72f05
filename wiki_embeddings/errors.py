"""Errors that are meant for people.

Each message is a sentence or two: what was wrong, where, and what to do about it. Whoever shows
one (the command line, a Dagster run) prints the message alone; anything else that is raised is a
bug in this project and keeps its traceback.
"""

from __future__ import annotations


class WikiEmbeddingsError(Exception):
    """Something a person can mend: the message says what, where and how."""


class BadInputError(WikiEmbeddingsError):
    """An input that can never work as it is, so that trying again is no use."""


class BrokenDeviceError(WikiEmbeddingsError):
    """This process can compute nothing more; another one, on another device, may do its work."""
