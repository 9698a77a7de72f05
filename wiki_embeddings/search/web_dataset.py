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

from wiki_embeddings.dataset_layout import CARD, INDEX_HEAD, RECORD, SMALL_FILE
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.byte_ranges import MissingFileError
from wiki_embeddings.search.http_ranges import HttpRanges
from wiki_embeddings.search.nearest import Config, VectorFiles, from_folder
from wiki_embeddings.search.range_sites import web_site
from wiki_embeddings.search.vector_model import read_card
from wiki_embeddings.volume import write_bytes

_MAX_CARD_BYTES = 1_000_000
"""As on the Hub: a hundred times the size of a card."""

_ADVICE = "Empty the cache (`wiki-embeddings cache clear`), and search again."

_MAX_SMALL_BYTES = 1_000_000_000
"""Some fifty times the size of the config `small`."""


class WebDataset:
    """A dataset on a web server, whose card and record were read.

    Args:
        url: Address of the folder that holds the dataset's README.md.
        home: Folder that holds `datasets/`.

    Attributes:
        label: The address, as it is kept.
        files: Its files.
        version: Names what is published there now.
        model: The model that made the vectors.

    Raises:
        BadInputError: It is no dataset of this project, or the server does not know ranges.
        WikiEmbeddingsError: The server cannot be reached, or the card cannot be stored.
    """

    def __init__(self, url: str, home: Path) -> None:
        self.files = HttpRanges(web_site(url))
        self.label = self.files.label
        try:
            card = self._read(CARD, _MAX_CARD_BYTES)
            self.version = hashlib.sha256(
                hashlib.sha256(card).digest() + self._record()
            ).hexdigest()
            self._folder = home / "datasets" / _folder_name(self.label) / self.version[:40]
            self._keep(CARD, card)
            self.model = read_card(self._folder / CARD, f"{CARD} of {self.label}", _ADVICE)
        except BaseException:
            self.files.close()
            raise

    @property
    def has_index(self) -> bool:
        """True if it can be searched by ranges."""
        try:
            self.files.size(INDEX_HEAD)
        except MissingFileError:
            return False
        return True

    def fetch(self, config: Config) -> VectorFiles:
        """Fetch the files of an exact search, keep them, and close the connections.

        Args:
            config: Only `small` has a file whose name is known; a web server lists none.

        Raises:
            BadInputError: It has no such config.
            WikiEmbeddingsError: The server cannot be reached, or the files cannot be stored.
        """
        try:
            if config != "small":
                raise BadInputError(
                    f"{self.label} is on a web server, which lists no files: download its folder "
                    "and search that, or leave --config out."
                )
            if not (self._folder / SMALL_FILE).is_file():
                self._keep(SMALL_FILE, self._read(SMALL_FILE, _MAX_SMALL_BYTES))
        finally:
            self.files.close()
        return replace(from_folder(self._folder, config), advice=_ADVICE)

    def _record(self) -> bytes:
        try:
            self.files.size(RECORD)
        except MissingFileError:  # somebody left it out
            return b""
        return self._read(RECORD, _MAX_CARD_BYTES)

    def _read(self, path: str, limit: int) -> bytes:
        """Read a whole file.

        Raises:
            BadInputError: There is none, or it is larger than this project writes it.
        """
        try:
            size = self.files.size(path)
        except MissingFileError as error:
            raise BadInputError(
                f"{self.label} is not a published dataset: it has no {path}. Give the address of "
                f"the folder that holds its {CARD}."
            ) from error
        if size > limit:
            raise BadInputError(
                f"{path} of {self.label} has {size:,} bytes, which this project has not written: "
                "search another dataset."
            )
        return self.files.read(path, [(0, size)])[0]

    def _keep(self, path: str, content: bytes) -> None:
        write_bytes(self._folder / path, content)


def _folder_name(url: str) -> str:
    """Return a name for the folder of an address: readable, and of no other address."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", url.partition("://")[2])[:80]
    return f"web-{readable}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
