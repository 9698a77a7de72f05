"""Files of articles are sorted by page id, and refused if anything in them is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.parquet_articles import (
    _ArticleFile,
    _translate_parquet_errors,
    read_articles,
)
from wiki_embeddings.sources.protocol import SOURCE_ARTICLES
from wiki_embeddings.sources.sampling import keep_mask
from wiki_embeddings_tests.sources.article_tables import articles, expected, parquet


def read_file(path: Path, content: bytes, keep: float = 1.0) -> pa.Table:
    path.write_bytes(content)
    opened = read_articles(path, "the file", keep)
    table = pa.Table.from_batches(opened.batches, schema=RAW_SCHEMA)
    assert opened.statistics() == {SOURCE_ARTICLES: table.num_rows}
    return table


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.integers(0, 10**18 - 1), unique=True, max_size=40),
    row_group_size=st.integers(1, 50),
    keep=st.sampled_from([1.0, 0.5]),
)
def test_articles_are_sorted_by_page_id(
    tmp_path: Path, ids: list[int], row_group_size: int, keep: float
):
    table = read_file(tmp_path / "file", parquet(articles(ids), row_group_size), keep)

    kept = [page_id for page_id in sorted(ids) if keep_mask(np.array([page_id]), keep)[0]]
    assert table.equals(expected(kept))


def test_no_batch_is_empty_even_if_few_articles_are_kept(tmp_path: Path):
    (tmp_path / "file").write_bytes(parquet(articles(range(5000))))

    opened = read_articles(tmp_path / "file", "the file", keep=0.001)

    assert 0 < opened.statistics()[SOURCE_ARTICLES] < 9
    assert all(batch.num_rows for batch in opened.batches)


def test_articles_are_sorted_across_batches(tmp_path: Path):
    ids = np.random.default_rng(0).permutation(5000).tolist()

    assert read_file(tmp_path / "file", parquet(articles(ids))).equals(expected(range(5000)))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2, "x3"], r"row 2 .*not a page id: b'x3'"),
        ([1, "", 3], r"row 1 .*not a page id: b''"),
        ([1, "-2"], r"row 1 .*not a page id: b'-2'"),
        ([1, "0x10"], r"row 1 .*not a page id"),
        ([1, "1.0"], r"row 1 .*not a page id"),
        ([" 1", 2], r"row 0 .*not a page id"),
        ([1, "2\n"], r"row 1 .*not a page id"),
        ([1, "٣"], r"row 1 .*not a page id"),
        ([1, "9" * 30], r"row 1 .*not a page id"),
        ([1, None, 3], r"row 1 .*missing"),
        ([7, 8, 9, 8], r"row 3 .*page id 8 was already in row 1"),
        ([5, 5], r"row 1 .*page id 5 was already in row 0"),
    ],
)
def test_a_bad_id_is_refused_with_its_file_and_row(tmp_path: Path, ids: list[Any], message: str):
    with pytest.raises(BadInputError, match=f"the file, {message}"):
        read_file(tmp_path / "file", parquet(articles(ids)))


@pytest.mark.parametrize("order", [1, -1])
def test_the_revision_is_taken_from_a_file_that_has_it(tmp_path: Path, order: int):
    numbers = list(range(1000))[::order]
    revisions = pa.array([number * 10 for number in numbers])
    times = pa.array(numbers, pa.timestamp("ms", tz="UTC"))
    table = articles(numbers).append_column("timestamp", times)
    table = table.append_column("revision_id", revisions)

    read = read_file(tmp_path / "file", parquet(table))
    assert read["revision_id"].to_pylist() == [number * 10 for number in range(1000)]
    assert read["timestamp"].cast(pa.int64()).to_pylist() == list(range(1000))

    as_text = table.set_column(5, "revision_id", revisions.cast(pa.string()))
    assert read_file(tmp_path / "file", parquet(as_text))["revision_id"].null_count == 1000


@pytest.mark.parametrize("column", ["url", "title", "text"])
def test_a_missing_value_is_refused_with_its_file_and_row(tmp_path: Path, column: str):
    table = articles(range(1000))
    values = table.column(column).to_pylist()
    values[777] = None
    place = table.schema.get_field_index(column)
    table = table.set_column(place, column, pa.array(values))

    with pytest.raises(BadInputError, match=f"the file, row 777 .*the {column} is missing"):
        read_file(tmp_path / "file", parquet(table))


@pytest.mark.parametrize("column", ["id", "url", "title", "text"])
def test_invalid_utf8_is_refused_with_its_file_and_row(tmp_path: Path, column: str):
    table = articles(range(1000))
    values = [value.encode() for value in table.column(column).to_pylist()]
    values[777] = b"caf\xe9"
    place = table.schema.get_field_index(column)
    unchecked = pa.array(values, pa.binary()).view(pa.string())
    table = table.set_column(place, column, unchecked)

    with pytest.raises(BadInputError, match="the file, row 777 "):
        read_file(tmp_path / "file", parquet(table))


@pytest.mark.parametrize("column", ["id", "url", "title", "text"])
def test_a_missing_column_is_refused(tmp_path: Path, column: str):
    table = articles(range(10)).drop_columns(column)

    with pytest.raises(BadInputError, match=f"the file has no column {column}"):
        read_file(tmp_path / "file", parquet(table))


def test_a_column_of_another_type_is_refused(tmp_path: Path):
    table = articles(range(10)).set_column(0, "id", pa.array(range(10)))

    with pytest.raises(BadInputError, match="has int64 in the column id, not strings"):
        read_file(tmp_path / "file", parquet(table))


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + bytes(200) + content[place + 200 :]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>not a Parquet file</html>",
        parquet(articles(range(5000)))[:-100],
        parquet(articles(range(5000)))[5000:],
        damaged(parquet(articles(range(5000))), 100),
        damaged(parquet(articles(range(5000))), 60_000),
    ],
    ids=["empty", "HTML", "truncated", "without its beginning", "damaged header", "damaged page"],
)
def test_a_corrupt_file_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(BadInputError, match="the file is not a readable Parquet file"):
        read_file(tmp_path / "file", content)


def test_a_file_without_articles_is_read(tmp_path: Path):
    assert read_file(tmp_path / "file", parquet(articles([]))).num_rows == 0


@pytest.mark.parametrize("error", [pa.ArrowMemoryError("malloc failed"), pa.ArrowCancelled("^C")])
def test_what_is_not_the_files_fault_is_not_blamed_on_it(tmp_path: Path, error: Exception):
    file = _ArticleFile(tmp_path, "the file")
    with pytest.raises(type(error)), _translate_parquet_errors(file):
        raise error
