"""A published dataset on a web server: its card, which says what is there, and files of it.

    datasets/{host and path}/{version}/README.md     the card, which names the model
    datasets/{host and path}/{version}/small/…       a config's files

The version is a digest of the card and the record, both of which change with each snapshot.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from wiki_embeddings.dataset_layout import CARD, RECORD, SMALL_FILE
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.byte_ranges import ByteRanges, MissingFileError
from wiki_embeddings.search.http_ranges import HttpRanges
from wiki_embeddings.search.nearest import Config, VectorFiles, from_folder
from wiki_embeddings.search.range_sites import web_site
from wiki_embeddings.volume import write_bytes

_MAX_CARD_BYTES = 1_000_000
"""As on the Hub: a hundred times the size of a card."""

_MAX_SMALL_BYTES = 1_000_000_000
"""Some fifty times the size of the config `small`."""


def fetch_config(url: str, config: Config, home: Path) -> VectorFiles:
    """Fetch the files of an exact search from a web server, and keep them.

    Args:
        url: Address of the folder that holds the dataset's README.md.
        config: Only `small` has a file whose name is known; a web server lists none.
        home: Folder that holds `datasets/`.

    Raises:
        BadInputError: It is no dataset of this project, or the server does not know ranges.
        WikiEmbeddingsError: The server cannot be reached, or the files cannot be stored.
    """
    if config != "small":
        raise BadInputError(
            f"{url} is on a web server, which lists no files: download its folder and search that, "
            "or leave --config out."
        )
    files = HttpRanges(web_site(url))
    try:
        card = read_small_file(files, CARD, _MAX_CARD_BYTES)
        folder = home / "datasets" / _folder_name(files.label) / version(files, card)
        small = folder / SMALL_FILE
        if not small.is_file():
            write_bytes(folder / CARD, card)
            write_bytes(small, read_small_file(files, SMALL_FILE, _MAX_SMALL_BYTES))
    except MissingFileError as error:
        raise BadInputError(
            f"{url} is not a published dataset: it needs {CARD} and {SMALL_FILE}. Give the address "
            "of the folder that holds them."
        ) from error
    finally:
        files.close()
    found = from_folder(folder, config)
    return replace(found, advice="Remove the file, and search again.")


def version(files: ByteRanges, card: bytes) -> str:
    """Return a digest that names the version of a dataset on a web server."""
    try:
        record = read_small_file(files, RECORD, _MAX_CARD_BYTES)
    except MissingFileError:  # somebody left it out
        record = b""
    return hashlib.sha256(hashlib.sha256(card).digest() + record).hexdigest()[:40]


def read_small_file(files: ByteRanges, path: str, limit: int) -> bytes:
    """Read a whole file.

    Raises:
        BadInputError: It is larger than any file of that name that this project has written.
    """
    size = files.size(path)
    if size > limit:
        raise BadInputError(
            f"{path} of {files.label} has {size:,} bytes, which this project has not written: "
            "search another dataset."
        )
    return files.read(path, [(0, size)])[0]


def _folder_name(url: str) -> str:
    """Return a name for the folder of an address: readable, and of no other address."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", url.partition("://")[2])[:80]
    return f"web-{readable}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
