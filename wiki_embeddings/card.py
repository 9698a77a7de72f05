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
}
"""The Hub's names for numbers of rows, by their upper limit."""

_DTYPES = {"halffloat": "float16"}
"""Arrow's type names where the Hub has another."""

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
    """Name of the dataset: `wikipedia-{wiki}-{model}`, the model without its organisation."""
    model = str(vectors.settings["embeddings"]["model"])
    return f"wikipedia-{vectors.wiki}-{Path(model).name}"


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
    name = dataset_name(vectors)
    return {
        "title": f"{_edition(vectors.wiki)}, embedded with {Path(str(model['model'])).name}",
        "edition": _edition(vectors.wiki),
        "language": "en" if vectors.wiki in {SAMPLE_WIKI, "simple"} else vectors.wiki,
        "license": license_of(str(raw["snapshot"])),
        "size_category": _size_category(vectors.rows),
        "source": _source(vectors.wiki, raw),
        "raw": raw,
        "chunks": chunks,
        "model": model,
        "rows": vectors.rows,
        # Sizes as `datasets` counts them: in memory, and of the files, which are put together
        # from these shards.
        "arrow_bytes": vectors.total("arrow_bytes"),
        "download_size": vectors.bytes,
        "articles": vectors.total("articles"),
        "characters": vectors.total("characters"),
        "tokens": vectors.total("tokens"),
        "columns": [_column(field) for field in embedding_schema(int(model["dimensions"]))],
        "snippet": snippet(name),
    }


def snippet(folder: str) -> str:
    """Python that loads the dataset and finds the passage nearest to the first one.

    Args:
        folder: Path or name of the dataset.
    """
    return (
        "import numpy as np\n"
        "from datasets import load_dataset\n\n"
        f'dataset = load_dataset("{folder}", split="train")\n'
        'vectors = np.asarray(dataset.with_format("numpy")["embedding"][:], "float32")\n'
        "scores = vectors @ vectors[0]\n"
        'print(dataset[int(np.argsort(-scores)[1])]["title"])'
    )


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
    return next((name for limit, name in _SIZE_CATEGORIES.items() if rows < limit), "n>100M")


def _column(field: pa.Field[Any]) -> dict[str, Any]:
    length = field.type.list_size if pa.types.is_fixed_size_list(field.type) else None
    type_ = str(field.type.value_type if length else field.type)
    return {
        "name": field.name,
        "type": _DTYPES.get(type_, type_),
        "length": length,
        "meaning": DESCRIPTIONS[field.name],
    }
