"""The dataset card: what the dataset is and how it was made, told from its manifest alone.

The same manifest always gives the same card. The format is the Hub's: YAML that declares the
features (Parquet itself loses the length of a float16 list to all but Arrow), then Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa

from wiki_embeddings.checks import overlaps
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.stages.columns import DESCRIPTIONS, embedding_schema

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
"""The Hub's names for numbers of rows, by their upper limit."""

_DTYPES = {"halffloat": "float16"}
"""Arrow's type names where the Hub has another."""

_SNIPPET = """\
import os

import numpy as np
from datasets import load_dataset

dataset = load_dataset(os.path.abspath({folder!r}), split="train")
columns = dataset.select_columns(["title", "embedding"]).with_format("numpy")
passages = columns[:10_000]  # enough to try it; all vectors may be larger than memory
vectors = passages["embedding"].astype("float32")
cosines = vectors @ vectors[0]  # the vectors are of unit length
for row in np.argsort(-cosines)[:5]:
    print(f"{{cosines[row]:.3f}} {{passages['title'][row]}}")"""
"""Shown on the card. An absolute path, because `datasets` 5.2 fails on a bare dot."""

_FOUR_SINCE = "20230607"
"""The day on which Wikipedia's text went from CC BY-SA 3.0 to 4.0."""


@dataclass(frozen=True)
class License:
    """A licence.

    Attributes:
        id: The Hub's identifier.
        name: What people call it.
        url: Where it can be read.
    """

    id: str
    name: str
    url: str


def license_of(snapshot: str) -> License:
    """Licence of Wikipedia's text on a date, given as `YYYYMMDD`."""
    version = "4.0" if snapshot >= _FOUR_SINCE else "3.0"
    return License(
        id=f"cc-by-sa-{version}",
        name=f"Creative Commons Attribution-ShareAlike {version} licence",
        url=f"https://creativecommons.org/licenses/by-sa/{version}/",
    )


def dataset_name(vectors: Manifest) -> str:
    """Name of the dataset: `wikipedia-{wiki}-{model}`, the model without its organisation.

    A dry run over a fraction of the articles has a name of its own, `…-dry-run`, so that it never
    takes the place of the whole.
    """
    suffix = "" if _is_complete(vectors) else "-dry-run"
    return f"wikipedia-{vectors.wiki}-{_model_name(vectors)}{suffix}"


def _is_complete(vectors: Manifest) -> bool:
    return float(vectors.settings["raw"]["fraction"]) == 1.0


def _model_name(vectors: Manifest) -> str:
    return Path(str(vectors.settings["embeddings"]["model"])).name


def card(vectors: Manifest) -> str:
    """Write the card of a dataset.

    Args:
        vectors: Manifest of the embeddings that are published.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("wiki_embeddings", ""),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Markdown, not HTML)
    )
    return environment.get_template("dataset_card.md.jinja").render(_facts(vectors))


def _facts(vectors: Manifest) -> dict[str, Any]:
    raw, chunks, model = (vectors.settings[s] for s in ("raw", "chunks", "embeddings"))
    return {
        "title": f"{_edition(vectors.wiki)}, embedded with {_model_name(vectors)}",
        "edition": _edition(vectors.wiki),
        "language": "en" if vectors.wiki in {SAMPLE_WIKI, "simple"} else vectors.wiki,
        "license": license_of(str(raw["snapshot"])),
        "size_category": _size_category(vectors.rows),
        "source": _source(vectors.wiki, raw),
        "raw": raw,
        "chunks": chunks,
        "model": model,
        "model_name": _model_name(vectors) if _is_local(model) else model["model"],
        "model_url": None if _is_local(model) else f"https://huggingface.co/{model['model']}",
        "rows": vectors.rows,
        # Sizes as `datasets` counts them: in memory, and of the files, which are put together
        # from these shards.
        "arrow_bytes": vectors.total("arrow_bytes"),
        "download_size": vectors.bytes,
        "articles": vectors.total("articles"),
        "characters": vectors.total("characters"),
        "tokens": vectors.total("tokens"),
        "columns": [_column(field) for field in embedding_schema(int(model["dimensions"]))],
        "in_order": not overlaps(vectors),
        "complete": _is_complete(vectors),
        "snippet": snippet("."),
    }


def _is_local(model: Mapping[str, Any]) -> bool:
    """Whether the model came from a folder, which means nothing to a reader of the card."""
    return str(model["revision"]).startswith("sha256:")


def snippet(folder: str) -> str:
    """Python that loads the dataset and prints the titles of passages like the first one.

    Args:
        folder: Path or name of the dataset.
    """
    return _SNIPPET.format(folder=folder)


def _edition(wiki: str) -> str:
    if wiki == SAMPLE_WIKI:
        return "English Wikipedia (sample)"
    return "Simple English Wikipedia" if wiki == "simple" else f"Wikipedia ({wiki})"


def _source(wiki: str, raw: Mapping[str, Any]) -> dict[str, str]:
    if wiki == SAMPLE_WIKI:
        return {
            "dataset": "original",
            "name": "the first pages of an English Wikipedia dump, as they ship with gensim 4.4.0",
            "revision": f"SHA-256 `{raw['revision']}`",
        }
    return {
        "dataset": "wikimedia/wikipedia",
        "name": f"wikimedia/wikipedia, config `{raw['snapshot']}.{wiki}`",
        "revision": f"commit `{raw['revision']}`",
    }


def _size_category(rows: int) -> str:
    return next((name for limit, name in _SIZE_CATEGORIES.items() if rows < limit), "n>1T")


def _column(field: pa.Field[Any]) -> dict[str, Any]:
    length = field.type.list_size if pa.types.is_fixed_size_list(field.type) else None
    type_ = str(field.type.value_type if length else field.type)
    return {
        "name": field.name,
        "type": _DTYPES.get(type_, type_),
        "length": length,
        "meaning": DESCRIPTIONS[field.name],
    }
