"""The page: gathers the facts and renders the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wiki_embeddings import __version__
from wiki_embeddings.card import retrieval_quality
from wiki_embeddings.card.changes import compare, stage_versions, summary
from wiki_embeddings.card.citations import citations
from wiki_embeddings.card.completeness import completeness_table
from wiki_embeddings.card.configs import configs
from wiki_embeddings.card.length_chart import length_chart
from wiki_embeddings.card.naming import (
    dataset_title,
    edition_name,
    is_complete,
    language_code,
    public_model,
    short_model_name,
    text_license,
)
from wiki_embeddings.card.retrieval_quality import measured_results
from wiki_embeddings.card.snippets import (
    Location,
    QueryModel,
    citation,
    faiss_search,
    index_search,
    loading,
    numpy_search,
    our_search,
    update,
)
from wiki_embeddings.card.table_snippets import remote_vectors, table_snippets
from wiki_embeddings.certificate import Certificate
from wiki_embeddings.checks import overlapping_files
from wiki_embeddings.dataset_layout import SMALL_ROWS, changes_file
from wiki_embeddings.encoders.models.known import KNOWN_MODELS, MTEB_RETRIEVAL_DATASETS
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Manifest
from wiki_embeddings.settings import SAMPLE_WIKI

if TYPE_CHECKING:
    import pyarrow as pa

_SIZE_CATEGORIES = {
    1_000: "n<1K",
    10_000: "1K<n<10K",
    100_000: "10K<n<100K",
    1_000_000: "100K<n<1M",
    10_000_000: "1M<n<10M",
    100_000_000: "10M<n<100M",
    1_000_000_000: "100M<n<1B",
    10_000_000_000: "1B<n<10B",
    100_000_000_000: "10B<n<100B",
    1_000_000_000_000: "100B<n<1T",
}
"""The Hub's names for numbers of rows, by exclusive upper limit."""

_DTYPES = {"halffloat": "float16"}
"""Arrow's type names that the Hub spells otherwise."""

_FLOAT32_BYTES = 4
_HNSW_BYTES = 2 * 32 * 4
"""Bytes of a vector's links in the index of the FAISS snippet: 2 × 32 ids of 4 bytes."""


def card(
    vectors: Manifest,
    *,
    throughput: Mapping[str, Any] | None = None,
    index_quality: Mapping[str, Any] | None = None,
    certificate: Certificate | None = None,
    previous: Mapping[str, Any] | None = None,
    is_first: bool = False,
    changes_since: str | None = None,
    repo_id: str | None = None,
    tag: str | None = None,
    code_url: str | None = None,
) -> str:
    """Write the card of a dataset.

    Args:
        vectors: Manifest of the embeddings that are published.
        throughput: How fast the vectors were computed: `passages_per_second`,
            `tokens_per_second`, `characters_per_second` and `seconds` of what the run computed
            itself, its `machine`, `gpu` (empty without one), `dollars` (None if it cost nothing)
            and `prices_as_of`. None if unknown.
        index_quality: What a search with the dataset's index finds: `questions`, `recall`, and
            `bytes_per_question`. None without an index.
        certificate: How complete the articles are; None if unknown.
        previous: The `summary` of the snapshot published before; None if there is none or it is
            unknown.
        is_first: True if the Hub confirmed that no earlier version exists.
        changes_since: Snapshot that the dataset's file of changes starts from; None if it has none.
        repo_id: Name of the dataset on the Hub, with its namespace; None for a folder.
        tag: Its tag there; by default its snapshot.
        code_url: Address of this code's repository; None for a card without a link to it.
    """
    import jinja2  # here, because most callers of this package want a name only

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("wiki_embeddings.card", ""),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 (Markdown, not HTML)
    )
    environment.filters |= {
        "count": "{:,}".format,
        "signed": lambda number: f"{number:+,}" if number else "0",
        "share": "{:.3f}".format,
        "size": _size,
        "duration": duration,
    }
    facts = {
        **_origin(vectors),
        **_content(vectors),
        **_use(vectors, repo_id, tag or str(vectors.settings["raw"]["snapshot"]), changes_since),
        **_quality(vectors),
        "throughput": throughput,
        "index_quality": index_quality,
        "completeness": completeness_table(certificate) if certificate else None,
        "changes": compare(previous, summary(vectors)) if previous else None,
        "is_first": is_first,
        "code_url": code_url,
    }
    return environment.get_template("dataset_card.md.jinja").render(facts)


def _origin(vectors: Manifest) -> dict[str, Any]:
    """Return what the dataset was made from, and how."""
    raw, chunks, model = (vectors.settings[s] for s in ("raw", "chunks", "embeddings"))
    public = public_model(vectors)
    return {
        "title": dataset_title(vectors),
        "edition": edition_name(vectors.wiki),
        "language": language_code(vectors.wiki),
        "license": text_license(str(raw["snapshot"])),
        "source": _source(vectors.wiki, raw),
        "raw": raw,
        "chunks": chunks,
        "model": model,
        "model_name": public or short_model_name(vectors),
        "model_place": vectors.model_folder or model["model"],
        "model_url": f"https://huggingface.co/{public}" if public else None,
        "is_complete": is_complete(vectors),
        "package_version": __version__,
        "stage_versions": stage_versions(vectors),
    }


def _content(vectors: Manifest) -> dict[str, Any]:
    """Return what is in the dataset."""
    from wiki_embeddings.schemas import embedding_schema  # loads pyarrow

    lengths = vectors.totals.get("tokens_histogram")
    return {
        "size_category": _size_category(vectors.rows),
        "rows": vectors.rows,
        "articles": vectors.total("articles"),
        "characters": vectors.total("characters"),
        "tokens": vectors.total("tokens"),
        "configs": configs(vectors, min(vectors.rows, SMALL_ROWS)),
        "columns": [
            _column(field)
            for field in embedding_schema(int(vectors.settings["embeddings"]["dimensions"]))
        ],
        "is_sorted": not overlapping_files(vectors),
        "lengths": length_chart(lengths, HISTOGRAM_BIN_TOKENS) if isinstance(lengths, list) else "",
    }


def _use(
    vectors: Manifest, repo_id: str | None, tag: str, changes_since: str | None
) -> dict[str, Any]:
    """Return how to load, search, update and cite the dataset."""
    model = vectors.settings["embeddings"]
    dimensions = int(model["dimensions"])
    location = Location(repo_id, tag)
    query_model = QueryModel(
        public_model(vectors), str(model["revision"]), str(model["query_prefix"])
    )
    return {
        "repo_id": repo_id,
        "loading": loading(location),
        "changes_since": changes_since,
        "changes_file": changes_file(str(vectors.settings["raw"]["snapshot"])),
        "update": update(location, changes_since) if changes_since else "",
        "numpy_search": numpy_search(location, query_model),
        "faiss_search": faiss_search(location, query_model, dimensions),
        "table_snippets": table_snippets(location, dimensions),
        "remote_vectors": remote_vectors(location) if repo_id else None,
        "our_search": our_search(location),
        "index_search": index_search(location, query_model, dimensions),
        "has_public_model": query_model.name is not None,
        "citation": citation(location) if _has_revisions(vectors) else None,
        "float32_bytes": vectors.rows * dimensions * _FLOAT32_BYTES,
        "index_bytes": vectors.rows * (dimensions * _FLOAT32_BYTES + _HNSW_BYTES),
        "citations": citations(vectors, repo_id),
    }


def _has_revisions(vectors: Manifest) -> bool:
    return bool(vectors.rows) and vectors.totals.get("rows_with_revision") == vectors.rows


def _quality(vectors: Manifest) -> dict[str, Any]:
    """Return what is known of how well search finds the right passages."""
    chunks, model = vectors.settings["chunks"], vectors.settings["embeddings"]
    name = str(model["model"])
    results = measured_results(
        name, str(model["revision"]), int(chunks["token_budget"]), bool(chunks["title_prefix"])
    )
    known = KNOWN_MODELS.get(name)
    return {
        "benchmark": retrieval_quality,
        "results": results,
        "is_precision_measured": any(row.method == model["precision"] for row in results),
        "is_sample": vectors.wiki == SAMPLE_WIKI,
        "published": known.retrieval if known else None,
        "mteb_datasets": MTEB_RETRIEVAL_DATASETS,
    }


def _source(wiki: str, raw: Mapping[str, Any]) -> dict[str, str]:
    if wiki == SAMPLE_WIKI:
        return {
            "dataset": "original",
            "name": "the first pages of an English Wikipedia dump, as they ship with gensim 4.4.0",
            "revision": f"SHA-256 `{raw['revision']}`",
        }
    if "wiki_id" in raw:
        return {
            "dataset": "original",
            "name": f"Wikimedia's export `{raw['source']}/{raw['wiki_id']}` of {raw['snapshot']}",
            "revision": f"`SHA256SUMS` with SHA-256 `{raw['revision']}`",
        }
    folder = raw.get("folder") or f"{raw['snapshot']}.{wiki}"
    return {
        "dataset": str(raw["source"]),
        "name": f"{raw['source']}, config `{folder}`",
        "revision": f"commit `{raw['revision']}`",
    }


def _size_category(rows: int) -> str:
    return next((name for limit, name in _SIZE_CATEGORIES.items() if rows < limit), "n>1T")


def _column(field: pa.Field[Any]) -> dict[str, Any]:
    from wiki_embeddings.schemas import DESCRIPTIONS

    length = getattr(field.type, "list_size", None)  # of a fixed-size list
    type_ = str(field.type.value_type if length else field.type)
    return {
        "name": field.name,
        "type": _DTYPES.get(type_, type_),
        "length": length,
        "meaning": DESCRIPTIONS[field.name],
    }


def _size(number: float) -> str:
    """Format a number of bytes in powers of ten, as the Hub does."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= bytes_:
            return f"{number / bytes_:.1f} {unit}"
    return f"{number:.0f} bytes"
