"""What must hold between a stage's output and the one before it: plain functions on manifests.

The counts that they compare were read back by the workers from the files that they had written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.manifest import Manifest

UNIT_NORM_TOLERANCE = 2e-3
"""Rounding a unit vector of a few hundred numbers to float16 moves its length by less than this."""


@dataclass(frozen=True)
class CheckResult:
    """Whether something holds.

    Attributes:
        passed: Whether it does.
        description: One sentence for people.
        metadata: What was compared.
    """

    passed: bool
    description: str
    metadata: Mapping[str, Any]


def same_counts(
    one: Mapping[str, int | str], other: Mapping[str, int | str], what: str
) -> CheckResult:
    """Whether two sides have equal counts.

    Args:
        one: Counts and sums by name, of the side before.
        other: Counts and sums by name, of the side after; same order.
        what: What was counted, for the sentence.
    """
    passed = list(one.values()) == list(other.values())
    description = f"All {what} are there." if passed else f"Some {what} are missing or too many."
    return CheckResult(passed, description, {**one, **other})


def every_article_fetched(raw: Manifest) -> CheckResult:
    """As many articles as the source has, and at least one."""
    source, fetched = raw.total("source_articles"), raw.rows
    if not fetched:
        return CheckResult(
            False, "There is no article at all.", {"source": source, "fetched": fetched}
        )
    return same_counts({"source": source}, {"fetched": fetched}, "articles")


def every_article_chunked(raw: Manifest, chunks: Manifest) -> CheckResult:
    """Every article has chunks, and put together they are its text, byte for byte."""
    return same_counts(
        {
            "articles": raw.rows,
            "characters": raw.total("characters"),
            "checksum_of_texts": _sum(raw, "text_checksum"),
        },
        {
            "articles_in_chunks": chunks.total("articles"),
            "characters_in_chunks": chunks.total("characters"),
            "checksum_of_chunks": _sum(chunks, "text_checksum"),
        },
        "articles and characters",
    )


def every_chunk_embedded(chunks: Manifest, vectors: Manifest) -> CheckResult:
    """As many vectors as chunks, and of the same chunks."""
    return same_counts(
        {"chunks": chunks.rows, "sum_of_chunk_hashes": _sum(chunks, "hash_sum")},
        {"vectors": vectors.rows, "sum_of_vector_hashes": _sum(vectors, "hash_sum")},
        "chunks",
    )


def _sum(manifest: Manifest, name: str) -> str:
    # As text, because the UI would plot it like a number that means something.
    return f"{manifest.total(name):x}"


def every_row_published(vectors: Manifest, published: Manifest) -> CheckResult:
    """As many rows as vectors, and the same ones, byte for byte."""
    return same_counts(
        {"vectors": vectors.rows, "checksum_of_vectors": _sum(vectors, "row_checksum")},
        {"rows": published.rows, "checksum_of_rows": _sum(published, "row_checksum")},
        "rows",
    )


def ids_unique(manifest: Manifest, duplicates: int) -> CheckResult:
    """No id comes twice.

    Args:
        manifest: The output, whose every file was found to ascend strictly when it was written.
        duplicates: Ids that come twice in files whose ranges of page ids overlap.
    """
    overlapping = len(overlaps(manifest))
    description = "Every id comes once." if not duplicates else f"{duplicates:,} ids come twice."
    return CheckResult(
        duplicates == 0,
        description,
        {"rows": manifest.rows, "duplicates": duplicates, "overlapping_files": overlapping},
    )


def overlaps(manifest: Manifest) -> set[str]:
    """References of the files that share a range of page ids with another file."""
    files = sorted((f for f in manifest.files if f.min_id >= 0), key=lambda file: file.min_id)
    found: set[str] = set()
    furthest = None
    for file in files:
        if furthest is not None and file.min_id <= furthest.max_id:
            found |= {manifest.reference(file), manifest.reference(furthest)}
        if furthest is None or file.max_id > furthest.max_id:
            furthest = file
    return found


def token_budget_kept(chunks: Manifest) -> CheckResult:
    """No chunk has more tokens than the budget, special tokens and prefix included."""
    budget = int(chunks.settings["chunks"]["token_budget"])
    longest = chunks.total("max_tokens_with_specials")
    description = "Every chunk fits." if longest <= budget else "A chunk is too long for the model."
    return CheckResult(longest <= budget, description, {"longest": longest, "budget": budget})


def vectors_sound(vectors: Manifest) -> CheckResult:
    """Vectors are finite, of unit length, of the model's width, and not all alike."""
    dimensions = int(vectors.settings["embeddings"]["dimensions"])
    metadata = {name: vectors.totals.get(name, -1) for name in _VECTOR_NUMBERS}
    faults = {
        "there are none": not vectors.rows,
        "some are not finite": metadata["not_finite"] != 0,
        "some are not of unit length": not _near_one(metadata["min_norm"], metadata["max_norm"]),
        "some have another width": {metadata["min_dimensions"], metadata["max_dimensions"]}
        != {dimensions},
        "different texts have the same one": metadata["alike_files"] != 0,
    }
    found = [fault for fault, there in faults.items() if there]
    description = f"Of the vectors, {'; '.join(found)}." if found else "The vectors are sound."
    return CheckResult(not found, description, {"dimensions": dimensions, **metadata})


_VECTOR_NUMBERS = (
    "not_finite",
    "min_norm",
    "max_norm",
    "min_dimensions",
    "max_dimensions",
    "alike_files",
)


def _near_one(*norms: Any) -> bool:
    # A norm that is not a number compares as false.
    return all(abs(float(norm) - 1.0) <= UNIT_NORM_TOLERANCE for norm in norms)
