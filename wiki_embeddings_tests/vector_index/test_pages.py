from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import stored_vectors
from wiki_embeddings.stages import dataset
from wiki_embeddings.stages.shard import parquet_writer
from wiki_embeddings.vector_index.pages import locate_row_groups, text_in_page
from wiki_embeddings.vector_index.thrift import read_struct
from wiki_embeddings_tests.support.synthetic import rows, with_noise

DIMENSIONS = 64


@pytest.fixture(scope="module")
def table():
    return with_noise(rows(0, 6000, DIMENSIONS), 200)


@pytest.fixture(scope="module")
def content(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "file.parquet"
    dataset._write(path, DIMENSIONS, [table.slice(0, 3500), table.slice(3500)], lambda _: None)
    return path.read_bytes()


@pytest.fixture(scope="module")
def row_groups(content):
    return locate_row_groups(io.BytesIO(content), len(content))[1]


def test_every_vector_and_many_texts_are_where_the_page_index_says(table, content, row_groups):
    vectors, texts = stored_vectors(table), table.column("text").to_pylist()
    assert [group.rows for group in row_groups] == [3500, 2500]
    assert min(len(group.texts.rows) for group in row_groups) > 1
    size = DIMENSIONS * 2
    first = 0
    for group in row_groups:
        for row in range(group.rows):
            start, stop = group.vectors.vector_range(row, size)
            found = np.frombuffer(content[start:stop], np.float16)
            assert (found == vectors[first + row]).all()
        for row in [0, *range(1, group.rows, 97), group.rows - 1]:
            start, stop, in_page = group.texts.range_of(row)
            assert text_in_page(content[start:stop], in_page) == texts[first + row]
        first += group.rows


def test_a_file_of_another_layout_is_refused(table, tmp_path):
    with parquet_writer(tmp_path / "other.parquet", table.schema) as writer:
        writer.write_table(table)
    content = (tmp_path / "other.parquet").read_bytes()
    with pytest.raises(BadInputError, match="not stored as in this project"):
        locate_row_groups(io.BytesIO(content), len(content))


@given(st.data())
def test_a_damaged_page_gives_an_error_or_a_text(content, row_groups, data):
    start, stop, row = row_groups[0].texts.range_of(3)
    page = bytearray(content[start:stop])
    for _ in range(data.draw(st.integers(1, 3))):
        page[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    try:
        text = text_in_page(bytes(page[: data.draw(st.integers(0, len(page)))]), row)
    except BadInputError:
        return
    assert isinstance(text, str)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused(content):
    try:
        read_struct(content)
    except BadInputError:
        return


def test_a_text_beyond_its_page_is_refused(content, row_groups):
    pages = row_groups[0].texts
    start, stop, _ = pages.range_of(0)
    with pytest.raises(BadInputError):
        text_in_page(content[start:stop], int(pages.rows[0]))
