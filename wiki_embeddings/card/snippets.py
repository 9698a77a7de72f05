"""The Python on the card, which runs unchanged when copied.

A dataset in a folder is named by an absolute path, because `datasets` 5.2 fails on a bare dot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_QUESTION = "Why is the sky blue?"
"""A question that an encyclopaedia of any language answers."""

_SIMILAR_TO_FIRST = """\
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

print(everything.column_names)
print(vectors.column_names)
print(small[0]["title"])"""
"""Takes no row of a stream: PyArrow 26 may abort or hang an interpreter that ends while a stream is
open (https://github.com/apache/arrow/issues/45214), whether `next` or `take` stopped it."""

_VECTORS_ON_HUB = """\
load_dataset(
    dataset,
    "vectors",
    revision={revision},
    split="train",
    streaming=True,
    storage_options={{"hf": {{"block_size": 2**16}}}},  # fetches these columns and no texts
)"""
"""By default 5 MiB are read ahead after each column, and so the texts: a local Hub then served 8 %
more than the files hold. With small blocks it served only the columns: 62 %."""

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

_OUR_SEARCH = """\
from wiki_embeddings import search

index = search.open({where})
for passage in index.query({question}, k=10):
    print(f"{{passage.score:.3f}} {{passage.title}}, {{passage.url}}")"""

_INDEX_SEARCH = """\
import json

import numpy as np
import pyarrow.parquet as pq
{imports}

{read}


{question}

content = read("index/head.safetensors")
head = load(content)
header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
about = json.loads(header["__metadata__"]["wiki_embeddings"])

# The lists around the nearest centroids estimate the cosine of each of their rows.
record = np.dtype([("signs", "u1", {sign_bytes}), ("scale", "<f2"), ("row", "<u4")])
sizes = head["list_rows"].astype(int) * record.itemsize + 4
files = [file["name"] for file in about["list_files"] for _ in range(file["lists"])]
products = head["centroids"] @ question * about["step"]
found = []
for number in np.argsort(-products)[:100]:
    start = sizes[number - files[:number].count(files[number]) : number].sum()
    records = np.frombuffer(read(files[number], start, start + sizes[number] - 4), record)
    signs = np.unpackbits(records["signs"], axis=1, count={dimensions}) * 2.0 - 1
    found += zip(products[number] + records["scale"] * (signs @ question), records["row"])

# The vectors of the best rows, each at its place in a data file, give the exact cosines.
files = [file["name"] for file in about["files"] for _ in range(file["row_groups"])]
group_ends = np.cumsum(head["group_rows"], dtype=int)
page_ends = np.cumsum(head["vector_page_rows"], dtype=int)
answers = []
for _, row in sorted(found)[-40:]:
    group, page = (np.searchsorted(ends, row, "right") for ends in (group_ends, page_ends))
    pages = head["vector_page_bytes"][head["vector_pages"][:group].sum() : page + 1]
    stop = int(head["vector_starts"][group] + pages.sum())
    start = stop - (page_ends[page] - row) * {vector_bytes}
    vector = np.frombuffer(read(files[group], start, start + {vector_bytes}), "<f2")
    answers.append((vector @ question, row, group))

for cosine, row, group in sorted(answers, reverse=True)[:5]:
    parquet = pq.ParquetFile({root}files[group]{filesystem})
    rows = parquet.read_row_group(files[:group].count(files[group]), ["title", "text"])
    passage = rows.slice(rows.num_rows + row - group_ends[group], 1).to_pylist()[0]
    print(f"{{cosine:.3f}} {{passage['title']}}: {{passage['text'].strip()[:60]!r}}")"""

_READ_FOLDER = """\

def read(name, start=None, stop=None):
    return np.memmap(name, mode="r")[start:stop].tobytes()"""

_READ_HUB = """\
hub = HfFileSystem()
root = {root}


def read(name, start=None, stop=None):
    return hub.cat_file(root + name, start, stop, cache_type="none")  # reads these bytes only"""

_CITATION = """\
{imports}
{dataset}
passage = {small}[0]
print(f"{{passage['title']}}, {{passage['section']}}".removesuffix(", "))
print(f"{{passage['url']}}?oldid={{passage['revision_id']}}")"""

_UPDATE = """\
{imports}
{dataset}
changes = {changes}
index = {{}}  # yours, as of {since}: (id, chunk_index) -> (hash, vector)

wanted = {{}}
for row in changes:
    key = row["id"], row["chunk_index"]
    if row["change"] == "removed":
        index.pop(key, None)
    elif key not in index or index[key][0] != row["hash"]:
        wanted[key] = row["hash"]  # else only the article's revision is a new one

for row in {vectors}:
    key = row["id"], row["chunk_index"]
    if key in wanted:
        index[key] = row["hash"], row["embedding"]"""

_ENCODE = """\
model = SentenceTransformer(
    {model},
    revision={revision},
)
question = model.encode({question}, normalize_embeddings=True)"""

_ENCODE_WITH_PREFIX = """\
model = SentenceTransformer(
    {model},
    revision={revision},
)
prefix = {prefix}  # required by the model
question = model.encode(prefix + {question}, normalize_embeddings=True)"""

_FIRST_PASSAGE = """\
question = np.array(passages[0]["embedding"], dtype="float32")  # the first passage"""


@dataclass(frozen=True)
class Location:
    """Where a reader finds the dataset.

    Attributes:
        repo_id: Name on the Hub; None for the folder that holds the card.
        tag: The snapshot's tag on the Hub.
    """

    repo_id: str | None
    tag: str


@dataclass(frozen=True)
class QueryModel:
    """The model that embeds a reader's question.

    Attributes:
        name: Name on the Hub; None without one, so that a passage's vector stands in.
        revision: Its commit.
        prefix: Text that the model requires before a question; may be empty.
    """

    name: str | None
    revision: str
    prefix: str


def snippet(folder: str) -> str:
    """Return Python that loads the dataset and prints the titles of passages like the first one.

    Args:
        folder: Path of the dataset.
    """
    return _SIMILAR_TO_FIRST.format(
        imports=_imports(Location(None, ""), ["import numpy as np"]),
        loaded=f'load_dataset(os.path.abspath({_literal(folder)}), split="train")',
    )


def hub_snippet(repo_id: str, tag: str) -> str:
    """Return the same for a dataset on the Hub, fetching only its config `small`.

    Args:
        repo_id: Name of the dataset.
        tag: Its tag.
    """
    return _SIMILAR_TO_FIRST.format(
        imports=_imports(Location(repo_id, tag), ["import numpy as np"]),
        loaded=f'load_dataset({_literal(repo_id)}, "small", revision="{tag}", split="train")',
    )


def loading(location: Location) -> str:
    """Return Python that loads each config."""
    return _LOADING.format(
        imports=_imports(location, []),
        dataset=_dataset(location),
        everything=_load(location, "default", streaming=True),
        vectors=_stream_vectors(location),
        small=_load(location, "small"),
    )


def update(location: Location, since: str) -> str:
    """Return Python that brings an index of the snapshot published before up to date.

    Args:
        location: Where the dataset is.
        since: The snapshot published before.
    """
    return _UPDATE.format(
        imports=_imports(location, []),
        dataset=_dataset(location),
        changes=_load(location, "changes"),
        since=since,
        vectors=_stream_vectors(location),
    )


def _stream_vectors(location: Location) -> str:
    if location.repo_id:
        return _VECTORS_ON_HUB.format(revision=_literal(location.tag))
    return _load(location, "vectors", streaming=True)


def numpy_search(location: Location, query_model: QueryModel) -> str:
    """Return Python that searches the config `small` with nothing but NumPy."""
    return _NUMPY.format(
        imports=_imports(location, ["import numpy as np"], query_model),
        dataset=_dataset(location),
        small=_load(location, "small"),
        question=_question(query_model),
    )


def our_search(location: Location) -> str:
    """Return Python that searches the dataset with this project, from where it lies."""
    if location.repo_id:
        where = f"{_literal(location.repo_id)}, revision={_literal(location.tag)}"
    else:
        where = '"."'
    return _OUR_SEARCH.format(where=where, question=_literal(_QUESTION))


def index_search(location: Location, query_model: QueryModel, dimensions: int) -> str:
    """Return Python that searches the dataset's index with the libraries that it is made of."""
    on_hub = location.repo_id is not None
    imports = [
        *(["from huggingface_hub import HfFileSystem"] if on_hub else []),
        "from safetensors.numpy import load",
        "from sentence_transformers import SentenceTransformer",
    ]
    root = _literal(f"datasets/{location.repo_id}@{location.tag}/")
    return _INDEX_SEARCH.format(
        imports="\n".join(imports),
        read=_READ_HUB.format(root=root) if on_hub else _READ_FOLDER,
        question=_question(query_model),
        dimensions=dimensions,
        sign_bytes=-(-dimensions // 8),
        vector_bytes=2 * dimensions,
        root="root + " if on_hub else "",
        filesystem=", filesystem=hub" if on_hub else "",
    )


def citation(location: Location) -> str:
    """Return Python that prints where a passage stands, with a link to its revision."""
    return _CITATION.format(
        imports=_imports(location, []),
        dataset=_dataset(location),
        small=_load(location, "small"),
    )


def faiss_search(location: Location, query_model: QueryModel, dimensions: int) -> str:
    """Return Python that searches the config `small` with a FAISS index."""
    needs_numpy = [] if query_model.name else ["import numpy as np"]
    return _FAISS.format(
        imports=_imports(location, ["import faiss", *needs_numpy], query_model),
        dataset=_dataset(location),
        small=_load(location, "small"),
        dimensions=dimensions,
        question=_question(query_model),
    )


def _imports(location: Location, others: list[str], query_model: QueryModel | None = None) -> str:
    """Return the import statements and the empty line after them."""
    others = [*others, "from datasets import load_dataset"]
    if query_model and query_model.name:
        others.append("from sentence_transformers import SentenceTransformer")
    standard = [] if location.repo_id else ["import os", ""]
    return "\n".join([*standard, *others, ""])


def _dataset(location: Location) -> str:
    where = _literal(location.repo_id) if location.repo_id else 'os.path.abspath(".")'
    return f"dataset = {where}"


def _load(location: Location, config: str, *, streaming: bool = False) -> str:
    arguments = [
        "dataset",
        *([] if config == "default" else [_literal(config)]),
        *([f"revision={_literal(location.tag)}"] if location.repo_id else []),
        'split="train"',
        *(["streaming=True"] if streaming else []),
    ]
    return f"load_dataset({', '.join(arguments)})"


def _question(query_model: QueryModel) -> str:
    if query_model.name is None:
        return _FIRST_PASSAGE
    encoded = _ENCODE_WITH_PREFIX if query_model.prefix else _ENCODE
    return encoded.format(
        model=_literal(query_model.name),
        revision=_literal(query_model.revision),
        prefix=_literal(query_model.prefix),
        question=_literal(_QUESTION),
    )


def _literal(text: str) -> str:
    """Return a text as a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)
