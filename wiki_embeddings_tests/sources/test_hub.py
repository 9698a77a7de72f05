"""`wikimedia/wikipedia` as a source: planned from a listing, fetched, verified and sorted."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.hub import REVISION, HubPart, discard, open_part
from wiki_embeddings.sources.hub import plan as plan_selection
from wiki_embeddings.sources.protocol import (
    SOURCE_ARTICLES,
    WIKIMEDIA_WIKIPEDIA,
    ArticleSelection,
    SourcePlan,
)
from wiki_embeddings.sources.sampling import keep_mask
from wiki_embeddings.stages import fetch
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.sources.article_tables import articles, expected, parquet
from wiki_embeddings_tests.standins.hub import LocalHub, hub_fixture  # noqa: F401
from wiki_embeddings_tests.support.dagster_runs import make_shards


def add_wikipedia(hub: LocalHub, config: str, tables: Sequence[pa.Table]) -> None:
    files = {
        f"{config}/train-{number:05d}-of-{len(tables):05d}.parquet": parquet(table)
        for number, table in enumerate(tables)
    }
    others = {
        f"20231101.{wiki}/train-00000-of-00001.parquet": b"" for wiki in ("de", "fr", "simple")
    }
    hub.add(WIKIMEDIA_WIKIPEDIA, {"README.md": b"# Wikipedia", **others, **files}, commit=REVISION)


def plan(wiki: str, **selected: Any) -> SourcePlan[HubPart]:
    return plan_selection(ArticleSelection(wiki, "hub", **selected))


def read(part: HubPart, scratch: Path) -> pa.Table:
    opened = open_part(part, scratch, progress=lambda _: None)
    table = pa.Table.from_batches(opened.batches, schema=RAW_SCHEMA)
    assert opened.statistics() == {SOURCE_ARTICLES: table.num_rows}
    return table


# Plans.


def test_a_plan_has_one_part_for_each_file_in_order(hub: LocalHub):
    add_wikipedia(hub, "20231101.xx", [articles(range(10)), articles(range(10, 30))])

    planned = plan("xx")

    assert planned.snapshot == "20231101"
    assert planned.settings == {
        "source": WIKIMEDIA_WIKIPEDIA,
        "revision": REVISION,
        "folder": "20231101.xx",
        "fraction": 1.0,
    }
    assert [part.path for part in planned.parts] == [
        "20231101.xx/train-00000-of-00002.parquet",
        "20231101.xx/train-00001-of-00002.parquet",
    ]
    assert [part.index for part in planned.parts] == [0, 1]
    assert {part.commit for part in planned.parts} == {REVISION}
    content = parquet(articles(range(10)))
    assert planned.parts[0].size == len(content)
    assert planned.parts[0].sha256 == hashlib.sha256(content).hexdigest()


def test_planning_fetches_no_file(hub: LocalHub):
    add_wikipedia(hub, "20231101.xx", [articles(range(10))])

    plan("xx")

    assert not hub.requests("/resolve/")


def test_another_snapshot_is_another_folder(hub: LocalHub):
    add_wikipedia(hub, "20240101.xx", [articles(range(10))])

    (part,) = plan("xx", snapshot="20240101").parts

    assert part.path == "20240101.xx/train-00000-of-00001.parquet"


@pytest.mark.parametrize(
    ("wiki", "snapshot", "offers"),
    [("xx", "20250101", "20231101.xx"), ("smple", "20231101", "20231101.simple")],
)
def test_an_edition_that_does_not_exist_is_refused_with_similar_names(
    hub: LocalHub, wiki: str, snapshot: str, offers: str
):
    add_wikipedia(hub, "20231101.xx", [articles(range(10))])

    with pytest.raises(BadInputError, match=f"has no {snapshot}.{wiki}.*4 editions") as caught:
        plan(wiki, snapshot=snapshot)

    assert offers in str(caught.value)
    assert not isinstance(caught.value.__cause__, Exception)


def test_an_error_shows_only_a_few_of_many_editions(hub: LocalHub):
    files = {f"20231101.w{number}/train-0.parquet": b"" for number in range(300)}
    hub.add(WIKIMEDIA_WIKIPEDIA, files, commit=REVISION)

    with pytest.raises(BadInputError, match="300 editions") as caught:
        plan("zz")

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("fraction", [1.0, 0.1])
@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["00000-of-00003", "00002-of-00003"], r"train-00001-of-00003\.parquet is missing"),
        (["00000-of-00002"], r"train-00001-of-00002\.parquet is missing"),
        (["00000-of-00002", "00001-of-00003"], "two versions are mixed"),
    ],
)
def test_an_edition_that_lacks_a_file_is_refused(
    hub: LocalHub, names: list[str], fault: str, fraction: float
):
    files = {f"20231101.xx/train-{name}.parquet": b"" for name in names}
    hub.add(WIKIMEDIA_WIKIPEDIA, files, commit=REVISION)

    with pytest.raises(BadInputError, match=f"not have all articles of 20231101.xx: .*{fault}"):
        plan("xx", fraction=fraction)


def test_articles_that_the_card_counts_and_the_files_lack_are_missed(hub: LocalHub, volume: Volume):
    counted = "[{config_name: 20231101.xx, splits: [{name: train, num_examples: 30}]}]"
    card = f"---\ndataset_info: {counted}\n---\n".encode()
    file = "20231101.xx/train-00000-of-00001.parquet"
    compute = LocalCompute(volume.root, cores=1)
    for ids in (range(20), range(30)):
        files = {"README.md": card, file: parquet(articles(ids))}
        hub.add(WIKIMEDIA_WIKIPEDIA, files, commit=REVISION)
        fetching = fetch.plan(ArticleSelection("xx", "hub"), articles_per_shard=100)
        if len(ids) == 30:
            assert make_shards(fetching, compute).manifest.rows == 30
            continue
        with pytest.raises(
            BadInputError, match="has 20 rows, but the card of its source counts 30"
        ):
            make_shards(fetching, compute)
        assert read_manifest(volume, fetching.folder) is None
        shutil.rmtree(volume.path(fetching.folder))
    assert plan("xx", fraction=0.5).articles is None, "nobody counts the articles of a sample"


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float):
    with pytest.raises(BadInputError, match="fraction"):
        plan("xx", fraction=fraction)


def test_a_part_pickles_small_and_is_rebuilt_from_its_fields(hub: LocalHub):
    add_wikipedia(hub, "20231101.xx", [articles(range(500))])

    (part,) = plan("xx").parts

    assert len(pickle.dumps(part)) < 1000
    assert HubPart(**dataclasses.asdict(part)) == part


# Fractions.


@pytest.mark.parametrize(
    ("fraction", "files", "keep"),
    [(1.0, 4, 1.0), (0.5, 2, 1.0), (0.6, 3, 0.8), (0.1, 1, 0.4), (0.0001, 1, 0.0004)],
)
def test_a_fraction_takes_the_fewest_files_and_samples_them_evenly(
    hub: LocalHub, fraction: float, files: int, keep: float
):
    add_wikipedia(hub, "20231101.xx", [articles(range(n, n + 10)) for n in range(0, 40, 10)])

    parts = plan("xx", fraction=fraction).parts

    assert len(parts) == files
    assert [part.keep for part in parts] == pytest.approx([keep] * files)


@pytest.mark.parametrize("order", [1, -1], ids=["ascending", "descending"])
def test_a_sampled_part_has_the_articles_of_the_keep_mask(
    hub: LocalHub, tmp_path: Path, order: int
):
    ids = np.arange(3000)[::order]
    add_wikipedia(hub, "20231101.xx", [articles(ids.tolist())])

    (part,) = plan("xx", fraction=0.25).parts

    kept = np.flatnonzero(keep_mask(np.arange(3000), 0.25)).tolist()
    assert 600 < len(kept) < 900
    assert read(part, tmp_path).equals(expected(kept))


# Opening parts.


def test_a_part_is_fetched_read_and_discarded(hub: LocalHub, tmp_path: Path):
    add_wikipedia(hub, "20231101.xx", [articles(range(1, 2000, 3))])
    (part,) = plan("xx").parts
    fetched: list[int] = []

    opened = open_part(part, tmp_path, fetched.append)
    batches = list(opened.batches)

    assert sum(fetched) == part.units == part.size
    assert all(batch.schema.equals(RAW_SCHEMA) for batch in batches)
    assert len(batches) > 1
    assert pa.Table.from_batches(batches).equals(expected(range(1, 2000, 3)))
    discard(part, tmp_path)
    assert not list(tmp_path.iterdir())


def test_discarding_a_part_that_was_never_fetched_does_nothing(hub: LocalHub, tmp_path: Path):
    add_wikipedia(hub, "20231101.xx", [articles(range(10))])
    (part,) = plan("xx").parts

    discard(part, tmp_path / "never made")


def test_a_part_that_is_opened_again_is_not_fetched_again(hub: LocalHub, tmp_path: Path):
    add_wikipedia(hub, "20231101.xx", [articles(range(10))])
    (part,) = plan("xx").parts

    assert read(part, tmp_path).equals(read(part, tmp_path))

    assert hub.body_bytes("/store/") == part.size


def test_an_interrupted_download_resumes(hub: LocalHub, tmp_path: Path):
    add_wikipedia(hub, "20231101.xx", [articles(range(3000))])
    (part,) = plan("xx").parts
    hub.cut("/store/", 10_000)

    assert read(part, tmp_path).equals(expected(range(3000)))

    assert hub.body_bytes("/store/") == part.size


# Other datasets.


def add_dataset(hub: LocalHub, *folders: str) -> str:
    file = "train-00000-of-00001.parquet"
    files = {f"{folder}/{file}": parquet(articles(range(5))) for folder in folders}
    return hub.add("ada/wikis", files)


@pytest.mark.parametrize(
    ("folders", "snapshot", "chosen", "date"),
    [
        (("20250101.xx", "20260101.xx", "20260101.yy"), None, "20260101.xx", "20260101"),
        (("20250101.xx", "20260101.xx"), "20250101", "20250101.xx", "20250101"),
        (("data/xxwiki", "data/yywiki"), "20260101", "data/xxwiki", "20260101"),
        (("xx", "yy"), "20260101", "xx", "20260101"),
        (("data",), "20260101", "data", "20260101"),
    ],
)
def test_any_dataset_of_parquet_files_is_read_at_its_newest_commit(
    hub: LocalHub, tmp_path: Path, *, folders, snapshot, chosen, date
):
    commit = add_dataset(hub, *folders)

    planned = plan("xx", hub_dataset="ada/wikis", snapshot=snapshot)

    assert planned.snapshot == date
    assert planned.settings["source"] == "ada/wikis"
    assert planned.settings["revision"] == commit
    assert planned.settings["folder"] == chosen
    assert read(planned.parts[0], tmp_path).num_rows == 5


def test_a_revision_that_is_named_is_read(hub: LocalHub):
    commit = add_dataset(hub, "20250101.xx")
    add_dataset(hub, "20260101.xx")

    planned = plan("xx", hub_dataset="ada/wikis", hub_revision=commit)

    assert planned.snapshot == "20250101"
    with pytest.raises(BadInputError, match=r"the dataset ada/wikis at revision v9.*no such"):
        plan("xx", hub_dataset="ada/wikis", hub_revision="v9")


def test_a_dataset_that_does_not_tell_its_date_asks_for_it(hub: LocalHub):
    add_dataset(hub, "data/xxwiki")

    with pytest.raises(BadInputError, match=r"ada/wikis does not tell the date of data/xxwiki"):
        plan("xx", hub_dataset="ada/wikis")


def test_a_wiki_that_another_dataset_lacks_is_refused_with_those_that_it_has(hub: LocalHub):
    add_dataset(hub, "20260101.yy", "20260101.zz")

    with pytest.raises(BadInputError, match=r"ada/wikis at \w+ has no xx\..*20260101\.yy"):
        plan("xx", hub_dataset="ada/wikis")


def test_a_mirror_without_the_pinned_commit_says_that_the_project_pins_it(hub: LocalHub):
    hub.add(WIKIMEDIA_WIKIPEDIA, {"20231101.xx/train-0.parquet": parquet(articles(range(5)))})

    with pytest.raises(BadInputError, match=r"project pins that commit.*hub_revision"):
        plan("xx")

    assert plan("xx", hub_revision="main").snapshot == "20231101"
