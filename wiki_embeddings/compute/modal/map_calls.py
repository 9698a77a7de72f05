"""Starting a map: the only place that knows what is experimental in Modal's client for it.

One call with an input a shard is the quick way: Modal takes a thousand inputs in a request. With a
client that cannot do that, each shard gets a call of its own, which needs nothing experimental.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import modal
import modal.experimental

from wiki_embeddings.compute.modal.calls import cancel
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.compute.modal.uninterruptible import uninterruptible
from wiki_embeddings.stages.shard import ShardSpec


@dataclass(frozen=True)
class MapCall:
    """A map under way on Modal.

    Attributes:
        calls: One call with all inputs, or one for each input.
    """

    calls: tuple[modal.FunctionCall, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Modal's ids of the calls."""
        return tuple(call.object_id for call in self.calls)

    @property
    def url(self) -> str:
        """Dashboard page of the call, or of the first one."""
        return self.calls[0].get_dashboard_url()

    async def result(self, index: int, timeout_s: float) -> Any:
        """Wait for the result of one input; raises as `modal.FunctionCall.get` does.

        Args:
            index: Of the input.
            timeout_s: Longest wait in seconds.
        """
        if len(self.calls) == 1:
            return await self.calls[0].get.aio(index=index, timeout=timeout_s)
        return await self.calls[index].get.aio(timeout=timeout_s)

    def cancel(self) -> None:
        """Cancel it and stop the containers that work on it; see `calls.cancel`."""
        for call in self.calls:
            cancel(call)


def start(function: modal.Function, inputs: Sequence[ShardSpec], reload_token: str) -> MapCall:
    """Start a map with these inputs; an interrupt meanwhile leaves no call running.

    A retry after a lost answer may leave a call without inputs on Modal, which does nothing, or one
    with an input that another has, too: the shard is made once, whichever is first.

    Args:
        function: Takes a spec and a reload token.
        inputs: The specs.
        reload_token: See `container.VolumeView.reloaded`.

    Raises:
        WikiEmbeddingsError: Modal did not take it.
    """
    started: list[modal.FunctionCall] = []
    keywords = {"reload_token": reload_token}

    def request(begin: Callable[[], modal.FunctionCall]) -> None:
        started.append(begin())

    def start_one(begin: Callable[[], modal.FunctionCall]) -> None:
        uninterruptible(lambda: with_retries("start the map", lambda: request(begin)))

    try:
        if spawn_map := getattr(function, "experimental_spawn_map", None):
            start_one(lambda: spawn_map(inputs, kwargs=keywords))
            return MapCall((started[-1],))
        for spec in inputs:
            start_one(partial(function.spawn, spec, **keywords))
    except BaseException:
        MapCall(tuple(started)).cancel()
        raise
    return MapCall(tuple(started))


def stop_fetching_inputs() -> None:
    """End this container after its current inputs, so that Modal starts another one for the rest.

    A client without that ends the container at once, as a preemption does: Modal gives its inputs
    to another one.
    """
    stop = getattr(modal.experimental, "stop_fetching_inputs", None)
    if stop is None:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        stop()
