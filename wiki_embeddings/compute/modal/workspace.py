"""The deployed app's functions and its volume, each looked up once: a lookup is a request."""

from __future__ import annotations

from functools import cache

import modal

from wiki_embeddings.compute.modal.deployment import APP, VOLUME


class Workspace:
    """What a process uses of the workspace that its token belongs to.

    Modal's client completes a handle when it is first used, and keeps what it has learnt.
    """

    def __init__(self) -> None:
        self.volume = modal.Volume.from_name(VOLUME, version=2)
        self.function = cache(lambda name: modal.Function.from_name(APP, name))
        self.cls = cache(lambda name: modal.Cls.from_name(APP, name))
