"""Whether ids come twice in files whose ranges of page ids overlap."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.volume import Volume


def repeated_ids(volume: Volume, references: Sequence[str], key: Sequence[str]) -> int:
    """Count the rows whose key an earlier row has too.

    Reads only the key's columns: 12 bytes a chunk, so half a gigabyte for the largest wiki even if
    all its files overlapped.

    Args:
        volume: Where the files lie.
        references: The files, relative to the volume's root.
        key: Names of the columns that make a key.
    """
    if not references:
        return 0
    tables = [pq.read_table(volume.path(file), columns=list(key)) for file in references]
    table = pa.concat_tables(tables)
    distinct: int = table.group_by(list(key)).aggregate([]).num_rows
    return int(table.num_rows) - distinct
