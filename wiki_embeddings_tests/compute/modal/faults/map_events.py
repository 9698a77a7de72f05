"""What the events of a map say."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from wiki_embeddings.compute.protocol import Event, Failed, Finished


def finished(events: Iterable[Event]) -> set[int]:
    """Indices of the finished shards."""
    return {event.shard for event in events if isinstance(event, Finished)}


def failed(events: Iterable[Event]) -> dict[int, Failed]:
    """Failed shards, by index."""
    return {event.shard: event for event in events if isinstance(event, Failed)}


def until_finished(events: Generator[Event], shards: int) -> list[Event]:
    """The first events of a map, until this many shards are finished."""
    received: list[Event] = []
    while len(finished(received)) < shards:
        received.append(next(events))
    return received
