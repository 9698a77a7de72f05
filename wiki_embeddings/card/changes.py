"""What a snapshot is in short, and how it differs from the one published before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.card.code_versions import stage_versions
from wiki_embeddings.card.naming import public_model, short_model_name
from wiki_embeddings.manifest import Manifest

_COUNTS = {
    "articles": "Articles",
    "rows": "Passages",
    "characters": "Characters",
    "tokens": "Tokens",
}

_SETTINGS = {
    "model": "Model",
    "revision": "Revision of the model",
    "pooling": "Pooling",
    "precision": "Arithmetic",
    "runtime": "Runtime",
    "token_budget": "Tokens of a passage, at most",
    "title_prefix": "Title in front of each passage",
}

_STAGES = ("fetch", "chunk", "embed")


@dataclass(frozen=True)
class Change:
    """One count, before and after.

    Attributes:
        what: What is counted.
        before: In the snapshot published before.
        after: In this one.
    """

    what: str
    before: int
    after: int


@dataclass(frozen=True)
class Changes:
    """How a snapshot differs from the one published before.

    Attributes:
        before: Name of the earlier snapshot.
        after: Name of this one.
        counts: All counts, also those that are equal.
        settings: What was set otherwise: its name, the value before and the value after.
    """

    before: str
    after: str
    counts: tuple[Change, ...]
    settings: tuple[tuple[str, str, str], ...]


def summary(vectors: Manifest) -> dict[str, Any]:
    """What a later snapshot's card has to know of this one: small, and JSON throughout.

    Args:
        vectors: Manifest of the embeddings that are published.
    """
    raw, chunks, model = (vectors.settings[s] for s in ("raw", "chunks", "embeddings"))
    return {
        "snapshot": str(raw["snapshot"]),
        "articles": vectors.total("articles"),
        "rows": vectors.rows,
        "characters": vectors.total("characters"),
        "tokens": vectors.total("tokens"),
        "settings": {
            "model": public_model(vectors) or short_model_name(vectors),
            "revision": model["revision"],
            "pooling": model["pooling"],
            "precision": model["precision"],
            "runtime": model["runtime"],
            "token_budget": chunks["token_budget"],
            "title_prefix": chunks["title_prefix"],
        },
        "stages": stage_versions(vectors),
    }


def is_summary(value: object) -> bool:
    """Whether a JSON value can be compared as a summary, whoever may have written it."""
    if not isinstance(value, dict) or not isinstance(value.get("snapshot"), str):
        return False
    counted = all(isinstance(value.get(name), int) for name in _COUNTS)
    return counted and all(isinstance(value.get(name), dict) for name in ("settings", "stages"))


def changes(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Changes:
    """Compare two summaries.

    Args:
        previous: Of the snapshot published before.
        current: Of this one.
    """
    return Changes(
        before=previous["snapshot"],
        after=current["snapshot"],
        counts=tuple(
            Change(label, previous[name], current[name]) for name, label in _COUNTS.items()
        ),
        settings=tuple(_other_settings(previous, current)),
    )


def _other_settings(
    previous: Mapping[str, Any], current: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    labels = {
        **{("settings", name): label for name, label in _SETTINGS.items()},
        **{("stages", name): f"Version of the stage `{name}`" for name in _STAGES},
    }
    for (group, name), label in labels.items():
        # An earlier release may not have written down all that this one does.
        before, after = previous[group].get(name), current[group][name]
        if before != after:
            yield label, _shown(before), _shown(after)


def _shown(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`"
