"""The Python on the card for libraries that read Parquet files themselves.

Every snippet prints the titles of the passages nearest to the first one, and runs unchanged when
copied: in the dataset's folder, or anywhere for a dataset on the Hub.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from wiki_embeddings.card.snippets import Location
from wiki_embeddings.dataset_layout import FOLDERS, VECTOR_COLUMNS

_PANDAS = """\
passages = pd.read_parquet({folder}, columns=["title", "embedding"])
vectors = np.stack(passages["embedding"]).astype("float32")
nearest = np.argsort(-vectors @ vectors[0])[:5]
print(*passages["title"].iloc[nearest], sep="\\n")"""

_POLARS = """\
passages = pl.read_parquet({files}, columns=["title", "embedding"])
vectors = passages["embedding"].to_numpy().astype("float32")
nearest = np.argsort(-vectors @ vectors[0])[:5]
print(*passages["title"].gather(nearest), sep="\\n")"""

_DUCKDB = """\
passages = duckdb.read_parquet({files})
first = passages.limit(1)
print(duckdb.sql(\"\"\"
    SELECT passages.title, array_inner_product(
        passages.embedding::FLOAT[{dimensions}], first.embedding::FLOAT[{dimensions}]
    ) AS cosine
    FROM passages, first ORDER BY cosine DESC LIMIT 5
\"\"\"))"""
"""DuckDB reads vectors as lists; its functions for vectors want arrays of a fixed length."""

_ARROW = """\
passages = ds.dataset({folder}).to_table(columns=["title", "embedding"])
numbers = passages["embedding"].combine_chunks().flatten().to_numpy()
vectors = numbers.reshape(-1, {dimensions}).astype("float32")
nearest = np.argsort(-vectors @ vectors[0])[:5]
print(*passages["title"].take(nearest).to_pylist(), sep="\\n")"""

_DOWNLOAD = """\
dataset = snapshot_download(
    {repo_id},
    repo_type="dataset",
    revision={revision},
    allow_patterns={pattern},
)
"""

_REMOTE_VECTORS = """\
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem

hub = HfFileSystem(block_size=2**16)
columns = {columns}  # reads these and no texts
files = [pq.ParquetFile(hub.open(name)) for name in sorted(hub.ls({folder}, detail=False))]
vectors = pa.concat_tables(file.read(columns, use_threads=False) for file in files)
print(vectors.num_rows)"""
"""One file after the other in this thread: PyArrow 26 may abort an interpreter that ends while its
own threads still hold a file of Python's (https://github.com/apache/arrow/issues/45214)."""


@dataclass(frozen=True)
class TableSnippet:
    """Python for one library.

    Attributes:
        library: Its name, for people.
        install: What `pip install` needs.
        code: The Python.
    """

    library: str
    install: str
    code: str


def table_snippets(location: Location, dimensions: int) -> list[TableSnippet]:
    """Return Python that reads the config `small` with pandas, Polars, DuckDB and Arrow.

    Args:
        location: Where the dataset is.
        dimensions: Length of a vector.
    """
    numpy = "import numpy as np"
    snippets = (
        ("pandas", "pandas pyarrow", [numpy, "import pandas as pd"], _PANDAS),
        ("Polars", "polars numpy", [numpy, "import polars as pl"], _POLARS),
        ("DuckDB", "duckdb", ["import duckdb"], _DUCKDB),
        ("Arrow", "pyarrow numpy", [numpy, "import pyarrow.dataset as ds"], _ARROW),
    )
    return [
        _snippet(location, library, install, imports, body.replace("{dimensions}", str(dimensions)))
        for library, install, imports, body in snippets
    ]


def remote_vectors(location: Location) -> str:
    """Return Python that reads all vectors of a dataset on the Hub, and no texts."""
    folder = f"datasets/{location.repo_id}@{location.tag}/{FOLDERS['vectors']}"
    return _REMOTE_VECTORS.format(folder=json.dumps(folder), columns=json.dumps(VECTOR_COLUMNS))


def _snippet(
    location: Location, library: str, install: str, imports: list[str], body: str
) -> TableSnippet:
    small = FOLDERS["small"]
    if location.repo_id is None:
        body = body.format(folder=f'"{small}"', files=f'"{small}/*.parquet"')
        return TableSnippet(library, install, "\n".join([*imports, "", body]))
    download = _DOWNLOAD.format(
        repo_id=json.dumps(location.repo_id),
        revision=json.dumps(location.tag),
        pattern=json.dumps(f"{small}/*"),
    )
    body = body.format(folder=f'f"{{dataset}}/{small}"', files=f'f"{{dataset}}/{small}/*.parquet"')
    imports = [*imports, "from huggingface_hub import snapshot_download"]
    return TableSnippet(
        library, f"{install} huggingface_hub", "\n".join([*imports, "", download + body])
    )
