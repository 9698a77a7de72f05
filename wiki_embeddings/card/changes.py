"""A summary of a snapshot, and how it differs from the one published before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    "revision": "Model revision",
    "pooling": "Pooling",
    "precision": "Arithmetic",
    "runtime": "Runtime",
    "token_budget": "Most tokens in a passage",
    "title_prefix": "Title in front of each passage",
}


@dataclass(frozen=True)
class Change:
    """One count, before and after.

    Attributes:
        label: What is counted.
        before: Number in the snapshot published before.
        after: Number in this one.
    """

    label: str
    before: int
    after: int


@dataclass(frozen=True)
class Changes:
    """How a snapshot differs from the one published before.

    Attributes:
        before: Name of the earlier snapshot.
        after: Name of this one.
        counts: All counts, equal ones included.
        settings: Settings that differ: label, value before and value after.
    """

    before: str
    after: str
    counts: tuple[Change, ...]
    settings: tuple[tuple[str, str, str], ...]


def summary(vectors: Manifest) -> dict[str, Any]:
    """Return what the card of a later snapshot must know of this one, as a small JSON object.

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
    """Return True if a JSON value can be compared as a summary, whatever wrote it."""
    if not isinstance(value, dict) or not isinstance(value.get("snapshot"), str):
        return False
    has_counts = all(isinstance(value.get(name), int) for name in _COUNTS)
    return has_counts and all(isinstance(value.get(name), dict) for name in ("settings", "stages"))


def stage_versions(vectors: Manifest) -> dict[str, str]:
    """Return the version of each stage that made some embeddings."""
    raw, chunks, model = (vectors.settings[s] for s in ("raw", "chunks", "embeddings"))
    return {"fetch": raw["version"], "chunk": chunks["version"], "embed": model["version"]}


def compare(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Changes:
    """Compare the summaries of the snapshot published before and of this one."""
    return Changes(
        before=previous["snapshot"],
        after=current["snapshot"],
        counts=tuple(
            Change(label, previous[name], current[name]) for name, label in _COUNTS.items()
        ),
        settings=tuple(_changed_settings(previous, current)),
    )


def _changed_settings(
    previous: Mapping[str, Any], current: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    labels = {
        **{("settings", name): label for name, label in _SETTINGS.items()},
        **{("stages", name): f"Version of the stage `{name}`" for name in current["stages"]},
    }
    for (group, name), label in labels.items():
        # An earlier release may not have recorded everything that this one does.
        before, after = previous[group].get(name), current[group][name]
        if before != after:
            yield label, _markdown(before), _markdown(after)


def _markdown(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`"
