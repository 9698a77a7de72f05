"""What must hold of a stage's output: plain functions on manifests and certificates.

The workers took the counts and checksums from the files that they wrote, by reading them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.certificate import (
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
)
from wiki_embeddings.manifest import Manifest

UNIT_NORM_TOLERANCE = 2e-3
"""Rounding a unit vector of some hundred numbers to float16 changes its length by less."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        passed: True if the check passed.
        description: The result in one sentence.
        metadata: The numbers that were compared.
    """

    passed: bool
    description: str
    metadata: Mapping[str, Any]


def every_article_fetched(raw: Manifest) -> CheckResult:
    """Every article of the source was fetched, and there is at least one."""
    counts = {"source": raw.total("source_articles"), "fetched": raw.rows}
    if not raw.rows:
        return CheckResult(False, "There are no articles.", counts)
    return _compare({"source": counts["source"]}, {"fetched": raw.rows}, "articles")


def articles_complete(raw: Manifest, certificate: Certificate | None) -> CheckResult:
    """No articles are missing: by the export, the last snapshot, the wiki and your list."""
    if certificate is None or certificate.digest != raw.digest:
        return CheckResult(
            False,
            "There is no certificate of completeness for these articles: an older release fetched "
            "them, or the certificate was removed. Materialize raw_wikipedia again.",
            {"articles": raw.rows},
        )
    numbers: dict[str, Any] = {"articles": certificate.articles}
    faults: list[str] = []
    for judge in (_judge_pages, _judge_earlier, _judge_wiki_count, _judge_required):
        compared, fault = judge(certificate)
        numbers |= compared
        faults += [fault] if fault else []
    description = " ".join(faults) or "No article is known to be missing."
    return CheckResult(not faults, description, numbers)


def _judge_pages(certificate: Certificate) -> tuple[dict[str, Any], str]:
    """Compare the pages of the export; returns the numbers, and the fault or nothing."""
    match certificate.pages:
        case NotCompared(reason):
            return {"pages": f"not known: {reason}"}, ""
        case Pages(read, by_namespace, left_out):
            accounted = certificate.articles + sum(left_out.values())
            in_namespaces = sum(by_namespace.values())
            fault = "The pages do not add up: some were neither kept nor left out for a reason."
            return {
                "pages": read,
                "articles_and_left_out": accounted,
                "pages_in_namespaces": in_namespaces,
            }, "" if read == accounted == in_namespaces else fault


def _judge_earlier(certificate: Certificate) -> tuple[dict[str, Any], str]:
    """Compare the articles of the snapshot before."""
    match certificate.earlier:
        case NotCompared(reason):
            return {"gone": f"not compared: {reason}"}, ""
        case EarlierSnapshot(snapshot, articles, gone, titles):
            numbers = {
                "gone": gone,
                f"articles_of_{snapshot}": articles,
                "gone_titles": list(titles),
            }
            if gone <= certificate.max_missing_share * articles:
                return numbers, ""
            return numbers, (
                f"{gone:,} of the {articles:,} articles of {snapshot} "
                f"{'is' if gone == 1 else 'are'} gone, more than the "
                f"{certificate.max_missing_share:.2%} that may be{_examples(titles, gone)}. "
                "If they were deleted, raise max_missing_share of raw_wikipedia; if the export "
                "lost them, take another snapshot."
            )


def _judge_wiki_count(certificate: Certificate) -> tuple[dict[str, Any], str]:
    """Compare the wiki's own count."""
    match certificate.wiki_count:
        case NotCompared(reason):
            return {"wiki_count": f"not compared: {reason}"}, ""
        case WikiCount(articles, origin, at_least):
            fault = (
                f"There are {certificate.articles:,} articles, but {origin} counts {articles:,}; a "
                f"complete snapshot has at least {at_least:,}. Take another snapshot; or, if the "
                "wiki has grown so fast, raise max_missing_share of raw_wikipedia."
            )
            is_enough = certificate.articles >= at_least
            return {"wiki_count": articles, "wiki_count_from": origin}, "" if is_enough else fault


def _judge_required(certificate: Certificate) -> tuple[dict[str, Any], str]:
    """Compare the titles that must be there."""
    match certificate.required:
        case NotCompared(reason):
            return {"required_titles": f"not compared: {reason}"}, ""
        case RequiredTitles(titles, missing, examples):
            fault = (
                f"{missing:,} of the {titles:,} required titles "
                f"{'has' if missing == 1 else 'have'} no article{_examples(examples, missing)}. "
                "A redirect is no article: name its target."
            )
            return {
                "required_titles": titles,
                "missing_titles": missing,
                "missing_examples": list(examples),
            }, fault if missing else ""


def _examples(titles: tuple[str, ...], number: int) -> str:
    """Name some of a number of titles."""
    shown = titles[:5]
    named = ", ".join(repr(title) for title in shown)
    return f": {named}" if len(shown) == number else f", {named} among them"


def every_article_chunked(raw: Manifest, chunks: Manifest) -> CheckResult:
    """The chunks of each article join up to its exact text, and no article is missing."""
    return _compare(
        {
            "articles": raw.rows,
            "characters": raw.total("characters"),
            "checksum_of_texts": _hex_total(raw, "text_checksum"),
        },
        {
            "articles_in_chunks": chunks.total("articles"),
            "characters_in_chunks": chunks.total("characters"),
            "checksum_of_chunks": _hex_total(chunks, "text_checksum"),
        },
        "articles and characters",
    )


def every_chunk_embedded(chunks: Manifest, vectors: Manifest) -> CheckResult:
    """Every chunk has exactly one vector."""
    return _compare(
        {"chunks": chunks.rows, "checksum_of_chunks": _hex_total(chunks, "chunk_checksum")},
        {"vectors": vectors.rows, "checksum_of_vectors": _hex_total(vectors, "chunk_checksum")},
        "chunks",
    )


def every_row_published(vectors: Manifest, published: Manifest) -> CheckResult:
    """Every row of the embeddings is in the dataset, byte for byte."""
    return _compare(
        {"vectors": vectors.rows, "checksum_of_vectors": _hex_total(vectors, "row_checksum")},
        {"rows": published.rows, "checksum_of_rows": _hex_total(published, "row_checksum")},
        "rows",
    )


def _compare(
    before: Mapping[str, int | str], after: Mapping[str, int | str], what: str
) -> CheckResult:
    """Compare two sides whose counts are in the same order but have different names."""
    passed = list(before.values()) == list(after.values())
    description = (
        f"No {what} are missing." if passed else f"The {what} differ: some are missing or extra."
    )
    return CheckResult(passed, description, {**before, **after})


def _hex_total(manifest: Manifest, name: str) -> str:
    # As text, because the UI would plot a number.
    return f"{manifest.total(name):x}"


def no_duplicate_ids(manifest: Manifest, duplicates: int) -> CheckResult:
    """No two rows have the same id.

    Args:
        manifest: The output; ids ascend strictly in each of its files.
        duplicates: Number of ids that occur in several files whose id ranges overlap.
    """
    description = "No duplicate ids." if not duplicates else f"{duplicates:,} ids are duplicated."
    return CheckResult(
        duplicates == 0,
        description,
        {
            "rows": manifest.rows,
            "duplicates": duplicates,
            "overlapping_files": len(overlapping_files(manifest)),
        },
    )


def overlapping_files(manifest: Manifest) -> set[str]:
    """References of the files whose range of page ids overlaps another file's."""
    files = sorted((f for f in manifest.files if f.min_id >= 0), key=lambda file: file.min_id)
    found: set[str] = set()
    furthest = None
    for file in files:
        if furthest is not None and file.min_id <= furthest.max_id:
            found |= {manifest.reference(file), manifest.reference(furthest)}
        if furthest is None or file.max_id > furthest.max_id:
            furthest = file
    return found


def chunks_fit_token_budget(chunks: Manifest) -> CheckResult:
    """Every chunk fits the token budget, special tokens and prefix included."""
    budget = int(chunks.settings["chunks"]["token_budget"])
    longest = chunks.total("max_tokens_with_specials")
    passed = longest <= budget
    description = "Every chunk fits the budget." if passed else "A chunk exceeds the budget."
    return CheckResult(passed, description, {"longest": longest, "budget": budget})


def vectors_valid(vectors: Manifest) -> CheckResult:
    """Every vector is finite, has unit length and the model's dimensions; not all are equal."""
    dimensions = int(vectors.settings["embeddings"]["dimensions"])
    numbers = {name: vectors.totals.get(name, -1) for name in _VECTOR_STATISTICS}
    faults = {
        "there are none": not vectors.rows,
        "some are not finite": numbers["not_finite"] != 0,
        "some are not of unit length": not _near_one(numbers["min_norm"], numbers["max_norm"]),
        "some have the wrong number of dimensions": {
            numbers["min_dimensions"],
            numbers["max_dimensions"],
        }
        != {dimensions},
        "different texts have the same vector": numbers["alike_files"] != 0,
    }
    found = [fault for fault, is_present in faults.items() if is_present]
    description = f"Of the vectors, {'; '.join(found)}." if found else "The vectors are valid."
    return CheckResult(not found, description, {"dimensions": dimensions, **numbers})


_VECTOR_STATISTICS = (
    "not_finite",
    "min_norm",
    "max_norm",
    "min_dimensions",
    "max_dimensions",
    "alike_files",
)


def _near_one(*norms: Any) -> bool:
    # NaN compares as false.
    return all(abs(float(norm) - 1.0) <= UNIT_NORM_TOLERANCE for norm in norms)
