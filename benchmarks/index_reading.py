"""Measures what a search with an index reads, and how long it takes, over a slow line.

    .venv-bench/bin/python -m benchmarks.index_reading --rows 1000000

Makes a dataset with generated vectors and an index, by the stages that make any dataset, and serves
it from this machine as a static server does: 20 ms of delay for each request, and 100 Mbit/s for
all of them together. Vectors that are mixed of others say nothing of recall, which
`benchmarks.index` measures.
"""

from __future__ import annotations

import re
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.manifest import Manifest, Settings, Upstream, write_manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.search.http_ranges import HttpRanges
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings.search.range_sites import web_site
from wiki_embeddings.stages import dataset, embed, index_plan
from wiki_embeddings.stages.shard import Plan, describe_parquet
from wiki_embeddings.stages.statistics import embedding_statistics
from wiki_embeddings.volume import Volume

DELAY_S = 0.02
BYTES_PER_S = 100e6 / 8
SHARD_ROWS = 13_000
DIMENSIONS = 384
QUESTIONS = 20

_SETTINGS: Settings = {
    "raw": {"source": "generated", "snapshot": "20261101", "revision": "", "fraction": 1.0},
    "chunks": {"token_budget": 256, "title_prefix": True},
    "embeddings": {
        "model": "generated",
        "revision": "",
        "dimensions": DIMENSIONS,
        "pooling": "mean",
        "precision": "float32",
        "engine": "cpu",
        "query_prefix": "",
        "passage_prefix": "",
    },
}


def generated_vectors(seed: int, rows: int) -> np.ndarray:
    """Mix each vector of a few of a thousand common ones and noise."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(0).standard_normal((1000, DIMENSIONS), np.float32)
    mixed = sum(common[rng.integers(0, 1000, rows)] for _ in range(3))
    mixed = mixed + 1.5 * rng.standard_normal((rows, DIMENSIONS), np.float32)
    unit: np.ndarray = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit


def write_embeddings(volume: Volume, rows: int) -> Manifest:
    """Write shards of generated embeddings, and their manifest."""
    folder = "generated/embeddings/0123456789abcdef"
    volume.path(folder).mkdir(parents=True)
    words = np.array([f"{number:x}" for number in np.random.default_rng(1).integers(0, 9**6, 5000)])
    files = []
    for number in range(-(-rows // SHARD_ROWS)):
        first = number * SHARD_ROWS
        count = min(SHARD_ROWS, rows - first)
        rng = np.random.default_rng(number)
        ids = (first + np.arange(count)) // 3
        texts = [" ".join(words[each]) for each in rng.zipf(1.2, (count, 100)) % 5000]
        vectors = generated_vectors(number, count).astype(np.float16)
        columns = {
            "id": ids,
            "url": [f"https://en.wikipedia.org/wiki/Article_{each}" for each in ids],
            "title": [f"Article {each}" for each in ids],
            "revision_id": ids + 10**9,
            "timestamp": pa.array(ids, pa.timestamp("ms", tz="UTC")),
            "section": [f"Section {each % 9}" for each in ids],
            "chunk_index": np.arange(count) % 3,
            "start": np.arange(count) % 3 * 900,
            "text": texts,
            "n_tokens": np.full(count, 200),
            "hash": [rng.bytes(16).hex() for _ in range(count)],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSIONS),
        }
        table = pa.table(columns, schema=embedding_schema(DIMENSIONS))
        path = volume.path(folder) / f"part-{number:05d}.parquet"
        embed.write_table(path, table)
        files.append(describe_parquet(path, path.name, embedding_statistics(table)))
    manifest = Manifest(
        "generated", "embeddings", folder, Upstream("nowhere", ""), _SETTINGS, tuple(files)
    )
    write_manifest(volume, manifest)
    return manifest


def make_dataset(
    volume: Volume, vectors: Manifest, cores: int
) -> tuple[Manifest, dict[str, float]]:
    """Make a dataset with an index; gives its manifest, and the seconds of each step."""
    compute = LocalCompute(volume.root, cores=cores)
    seconds = {}

    def timed(step: str, plan: Plan[Any], last: Plan[Any] | None = None) -> Manifest:
        started = time.perf_counter()
        made = materialize(plan, compute, silent, "hub_dataset", last=last).manifest
        seconds[step] = time.perf_counter() - started
        return made

    centroids = timed("centroids", index_plan.plan_centroids(vectors))
    codes = timed("codes", index_plan.plan_codes(vectors, centroids))
    plan = dataset.plan(vectors, shards_per_file=12, codes=codes)
    # The card needs settings that generated vectors have not.
    specs = tuple(spec for spec in plan.specs if not isinstance(spec, dataset.CardSpec))
    lists = tuple(spec for spec in specs if isinstance(spec, index_plan.ListsSpec))
    timed("data files", replace(plan, specs=tuple(spec for spec in specs if spec not in lists)))
    made = timed("lists and head", replace(plan, specs=specs), dataset.plan_head(plan, codes))
    return made, seconds


@contextmanager
def slow_server(folder: Path) -> Iterator[str]:
    """Serve a folder over a slow line; gives its address."""
    line = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = folder / self.path.strip("/")
            size = content.stat().st_size
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            first, last = map(int, wanted.groups()) if wanted else (0, size - 1)
            last = min(last, size - 1)
            with content.open("rb") as file:
                file.seek(first)
                body = file.read(last + 1 - first)
            time.sleep(DELAY_S)
            with line:
                time.sleep(len(body) / BYTES_PER_S)
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{size}"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, answers: str) -> None:
    """Ask questions of a dataset in a process of its own, and write down what each has cost."""
    questions = generated_vectors(10**6, QUESTIONS)
    files = HttpRanges(web_site(url))
    costs = []
    opened: IndexedRows | None = None
    for question in questions:
        before = files.traffic.bytes, files.traffic.requests, time.perf_counter()
        opened = opened or IndexedRows(files)
        opened.nearest(question, 10)
        after = files.traffic.bytes, files.traffic.requests, time.perf_counter()
        costs.append([new - old for new, old in zip(after, before, strict=True)])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    np.savez(answers, costs=np.array(costs), memory=memory)
    files.close()


@click.command()
@click.option("--rows", default=1_000_000, help="Rows to generate.")
@click.option("--cores", default=2, help="Processes that make the dataset.")
def main(*, rows: int, cores: int) -> None:
    """Measure what a search with an index reads, over a slow line."""
    folder = Path(tempfile.mkdtemp())
    try:
        volume = Volume(folder)
        made, seconds = make_dataset(volume, write_embeddings(volume, rows), cores)
        with slow_server(volume.path(made.folder)) as url:
            process = get_context("spawn").Process(target=ask, args=(url, str(folder / "a.npz")))
            process.start()
            process.join()
        with np.load(folder / "a.npz") as found:
            costs, memory = found["costs"], int(found["memory"])
    finally:
        shutil.rmtree(folder)
    sizes = {
        part: sum(file.bytes for file in made.files if file.name.startswith(part))
        for part in ("data/", "index/")
    }
    table = Table(title=f"{rows:,} generated vectors")
    for heading in ("what", "measured"):
        table.add_column(heading)
    for step, took in seconds.items():
        table.add_row(f"making the {step}", f"{took:.0f} s with {cores} processes")
    share = sizes["index/"] / sizes["data/"]
    table.add_row("size of the index", f"{sizes['index/'] / 1e6:.1f} MB, {share:.1%} of data/")
    for name, part in (("first answer", costs[:1]), ("each further one, mean", costs[1:])):
        read, requests, took = part.mean(axis=0)
        table.add_row(name, f"{read / 1e6:.1f} MB, {requests:.0f} requests, {took:.2f} s")
    read, requests, took = costs[1:].max(axis=0)
    table.add_row("at most", f"{read / 1e6:.1f} MB, {requests:.0f} requests, {took:.2f} s")
    table.add_row("memory of the process", f"{memory / 1e6:.0f} MB")
    Console().print(table)


if __name__ == "__main__":
    main()
