"""The Python on the card: it runs as it is, for whoever copies it.

An absolute path for a dataset in a folder, because `datasets` 5.2 fails on a bare dot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_QUESTION = "Why is the sky blue?"
"""A question that an encyclopaedia of any language answers."""

_LIKE_THE_FIRST = """\
{imports}
dataset = {loaded}
columns = dataset.select_columns(["title", "embedding"]).with_format("numpy")
passages = columns[:10_000]  # enough to try it; all vectors may be larger than memory
vectors = passages["embedding"].astype("float32")
cosines = vectors @ vectors[0]  # the vectors are of unit length
for row in np.argsort(-cosines)[:5]:
    print(f"{{cosines[row]:.3f}} {{passages['title'][row]}}")"""

_LOADING = """\
{imports}
{dataset}
everything = {everything}
vectors = {vectors}
small = {small}

print(next(iter(everything))["title"])
print(next(iter(vectors)).keys())
print(small)"""

_VECTORS_OF_HUB = """\
load_dataset(
    dataset,
    "vectors",
    revision={revision},
    split="train",
    streaming=True,
    storage_options={{"hf": {{"block_size": 2**16}}}},  # fetches these columns and no texts
)"""
"""By default 5 MiB are read ahead after each column, which are the texts: on a local Hub 8 % more
was fetched than the files hold. With small blocks it is the columns alone, 62 %."""

_NUMPY = """\
{imports}
{dataset}
passages = {small}
vectors = passages.with_format("numpy")[:]["embedding"].astype("float32")

{question}
cosines = vectors @ question  # all vectors are of unit length
for row in np.argsort(-cosines)[:5]:
    print(f"{{cosines[row]:.3f}} {{passages[int(row)]['title']}}")"""

_FAISS = """\
{imports}
{dataset}
passages = {small}
index = faiss.IndexHNSWFlat({dimensions}, 32, faiss.METRIC_INNER_PRODUCT)
for batch in passages.with_format("numpy").iter(batch_size=1_000):
    index.add(batch["embedding"].astype("float32"))

{question}
cosines, rows = index.search(question[None], 5)
for cosine, row in zip(cosines[0], rows[0]):
    print(f"{{cosine:.3f}} {{passages[int(row)]['title']}}")"""

_ENCODED = """\
model = SentenceTransformer(
    {model},
    revision={revision},
)
question = model.encode({question}, normalize_embeddings=True)"""

_ENCODED_WITH_PREFIX = """\
model = SentenceTransformer(
    {model},
    revision={revision},
)
prefix = {prefix}  # as the model wants it
question = model.encode(prefix + {question}, normalize_embeddings=True)"""

_BORROWED = """\
question = np.array(passages[0]["embedding"], dtype="float32")  # like the first passage"""


@dataclass(frozen=True)
class Place:
    """Where a reader finds the dataset.

    Attributes:
        repo_id: Name on the Hub; None for the folder in which the card lies.
        tag: The snapshot's tag on the Hub.
    """

    repo_id: str | None
    tag: str


@dataclass(frozen=True)
class Asker:
    """What embeds a reader's question.

    Attributes:
        model: Name on the Hub; None where there is none, and a passage's own vector has to do.
        revision: Its commit.
        prefix: Text that the model wants before a question; may be empty.
    """

    model: str | None
    revision: str
    prefix: str


def snippet(folder: str) -> str:
    """Python that loads the dataset and prints the titles of passages like the first one.

    Args:
        folder: Path of the dataset.
    """
    return _LIKE_THE_FIRST.format(
        imports=_imports(Place(None, ""), ["import numpy as np"]),
        loaded=f'load_dataset(os.path.abspath({_literal(folder)}), split="train")',
    )


def hub_snippet(repo_id: str, tag: str) -> str:
    """The same for a dataset on the Hub, of which only the small config is fetched.

    Args:
        repo_id: Name of the dataset.
        tag: Its tag.
    """
    return _LIKE_THE_FIRST.format(
        imports=_imports(Place(repo_id, tag), ["import numpy as np"]),
        loaded=f'load_dataset({_literal(repo_id)}, "small", revision="{tag}", split="train")',
    )


def loading(place: Place) -> str:
    """Python that loads each config."""
    return _LOADING.format(
        imports=_imports(place, []),
        dataset=_dataset(place),
        everything=_load(place, "default", streaming=True),
        vectors=(
            _VECTORS_OF_HUB.format(revision=_literal(place.tag))
            if place.repo_id
            else _load(place, "vectors", streaming=True)
        ),
        small=_load(place, "small"),
    )


def numpy_search(place: Place, asker: Asker) -> str:
    """Python that searches the small config with nothing but NumPy."""
    return _NUMPY.format(
        imports=_imports(place, ["import numpy as np"], asker),
        dataset=_dataset(place),
        small=_load(place, "small"),
        question=_question(asker),
    )


def faiss_search(place: Place, asker: Asker, dimensions: int) -> str:
    """Python that searches the small config with an index of FAISS."""
    needs_numpy = [] if asker.model else ["import numpy as np"]
    return _FAISS.format(
        imports=_imports(place, ["import faiss", *needs_numpy], asker),
        dataset=_dataset(place),
        small=_load(place, "small"),
        dimensions=dimensions,
        question=_question(asker),
    )


def _imports(place: Place, others: list[str], asker: Asker | None = None) -> str:
    """The import statements, and the empty line after them."""
    others = [*others, "from datasets import load_dataset"]
    if asker and asker.model:
        others.append("from sentence_transformers import SentenceTransformer")
    standard = [] if place.repo_id else ["import os", ""]
    return "\n".join([*standard, *others, ""])


def _dataset(place: Place) -> str:
    where = _literal(place.repo_id) if place.repo_id else 'os.path.abspath(".")'
    return f"dataset = {where}"


def _load(place: Place, config: str, *, streaming: bool = False) -> str:
    arguments = [
        "dataset",
        *([] if config == "default" else [_literal(config)]),
        *([f"revision={_literal(place.tag)}"] if place.repo_id else []),
        'split="train"',
        *(["streaming=True"] if streaming else []),
    ]
    return f"load_dataset({', '.join(arguments)})"


def _question(asker: Asker) -> str:
    if asker.model is None:
        return _BORROWED
    encoded = _ENCODED_WITH_PREFIX if asker.prefix else _ENCODED
    return encoded.format(
        model=_literal(asker.model),
        revision=_literal(asker.revision),
        prefix=_literal(asker.prefix),
        question=_literal(_QUESTION),
    )


def _literal(text: str) -> str:
    """A text as Python writes it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)
