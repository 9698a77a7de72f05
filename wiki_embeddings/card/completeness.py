"""The certificate of completeness as a table, for the card and for Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wiki_embeddings.certificate import (
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
)


def completeness_table(certificate: Certificate) -> str:
    """Write the table in Markdown."""
    rows = [("Articles", f"{certificate.articles:,}"), *_comparisons(certificate)]
    return "\n".join(["| What | Result |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])


def _comparisons(certificate: Certificate) -> Iterator[tuple[str, str]]:
    match certificate.pages:
        case Pages(read, by_namespace, left_out):
            yield "Pages of the export", f"{read:,}"
            yield "… by namespace", _listed(by_namespace, "namespace ")
            yield "… left out", _listed(left_out)
        case NotCompared(reason):
            yield "Pages of the export", f"not known: {reason}"
    match certificate.earlier:
        case EarlierSnapshot(snapshot, articles, gone, titles):
            yield f"Gone since {snapshot}", f"{gone:,} of {articles:,} articles"
            if titles:
                yield "… among them", _escaped("; ".join(titles))
        case NotCompared(reason):
            yield "Gone since an earlier snapshot", f"not compared: {reason}"
    match certificate.wiki_count:
        case WikiCount(count, origin):
            yield f"Articles counted by {origin}", f"{count:,}"
        case NotCompared(reason):
            yield "Articles counted by the wiki itself", f"not compared: {reason}"
    match certificate.required:
        case RequiredTitles(number, missing, examples):
            yield "Required articles that are missing", f"{missing:,} of {number:,}"
            if examples:
                yield "… among them", _escaped("; ".join(examples))
        case NotCompared():
            pass


def _listed(numbers: Mapping[str, int], prefix: str = "") -> str:
    """List numbers, the largest first; the prefix stands before the first name."""
    ordered = sorted(numbers.items(), key=lambda entry: -entry[1])
    listed = "; ".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in ordered)
    return prefix + listed if listed else "none"


def _escaped(text: str) -> str:
    """Show titles as they are, inside a table of Markdown."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>|~" else c for c in text)
