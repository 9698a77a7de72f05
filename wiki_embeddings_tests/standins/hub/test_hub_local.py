"""The local Hub answers the real clients as the real one does, in processes of their own."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import datasets
import httpx2
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from wiki_embeddings_tests.standins.hub import LocalHub, local_hub
from wiki_embeddings_tests.standins.hub.clients import run_client

CARD = b"""---
configs:
- config_name: 20231101.xx
  data_files:
  - split: train
    path: 20231101.xx/*
---
"""

LOAD_DATASET = """
import json, datasets
loaded = datasets.load_dataset("somebody/articles", "20231101.xx", split="train")
print(json.dumps(loaded.to_dict()))
"""

DOWNLOAD_MODEL = """
import json, pathlib, huggingface_hub
paths = [huggingface_hub.hf_hub_download("somebody/model", name)
         for name in ("config.json", "model.safetensors")]
print(json.dumps([pathlib.Path(path).read_bytes().decode() for path in paths]))
"""


def test_load_dataset_reads_a_config(hub: LocalHub, tmp_path: Path):
    rows = {"id": ["1", "2"], "text": ["one", "two"]}
    parquet = io.BytesIO()
    pq.write_table(pa.table(rows), parquet)
    path = "20231101.xx/train-00000-of-00001.parquet"
    hub.add("somebody/articles", {"README.md": CARD, path: parquet.getvalue()})

    assert run_client(LOAD_DATASET, hub, tmp_path, "1") == rows


@pytest.mark.parametrize("disable_xet", ["0", "1"])
def test_hf_hub_download_fetches_small_and_large_files(
    hub: LocalHub, tmp_path: Path, disable_xet: str
):
    files = {"config.json": b"{}", "model.safetensors": b"weights" * 1000}
    hub.add("somebody/model", files, repo_type="model")

    contents = run_client(DOWNLOAD_MODEL, hub, tmp_path, disable_xet)

    assert contents == ["{}", "weights" * 1000]
    assert hub.requests("/store/")


def test_libraries_of_this_process_are_pointed_at_it(hub: LocalHub):
    parquet = io.BytesIO()
    pq.write_table(pa.table({"id": ["1", "2"]}), parquet)
    hub.add("somebody/articles", {"data/train.parquet": parquet.getvalue(), "a.txt": b"a"})

    streamed = datasets.load_dataset("somebody/articles", split="train", streaming=True)
    assert list(streamed) == [{"id": "1"}, {"id": "2"}]
    assert huggingface_hub.HfFileSystem().cat("datasets/somebody/articles/a.txt") == b"a"
    assert huggingface_hub.dataset_info("somebody/articles").sha
    path = huggingface_hub.hf_hub_download("somebody/articles", "a.txt", repo_type="dataset")
    assert Path(path).is_relative_to(os.environ["HF_HOME"])


def test_a_tree_comes_in_pages(hub: LocalHub):
    hub.page_size = 3
    files = {f"folder/{number}.txt": b"" for number in range(7)}
    hub.add("somebody/model", {**files, "top.txt": b""}, repo_type="model")

    entries = list(HfApi(endpoint=hub.url).list_repo_tree("somebody/model", recursive=True))

    assert [entry.path for entry in entries] == ["folder", *sorted(files), "top.txt"]
    assert len(hub.requests("/tree/")) == 3


def test_a_folder_becomes_a_repository(hub: LocalHub, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")

    hub.add("somebody/data", tmp_path)

    assert HfApi(endpoint=hub.url).list_repo_files("somebody/data", repo_type="dataset") == [
        "data/a.txt"
    ]


def ask_for_what_the_local_hub_does_not_know() -> None:
    with local_hub() as hub, httpx2.Client(trust_env=False, follow_redirects=True) as client:
        hub.add("somebody/model", {"a.txt": b"a"}, repo_type="model")
        with contextlib.suppress(httpx2.RemoteProtocolError):
            address = f"{hub.url}/somebody/model/resolve/main/a.txt"
            client.get(address, headers={"Range": "lines=1-2"})


def test_a_defect_of_the_local_hub_fails_the_test():
    with pytest.raises(ExceptionGroup, match="defects of the local Hub"):
        ask_for_what_the_local_hub_does_not_know()
