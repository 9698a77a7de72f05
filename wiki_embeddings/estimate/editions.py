"""How large each Wikipedia is and how many tokens its script makes: dated, each with its source.

A Hub config's size counts the columns id, url, title and text in bytes; characters follow from it
by the bytes that a character takes in the edition's script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.figures import Figure, assumed
from wiki_embeddings.settings import SAMPLE_WIKI

_FILE_BYTES = 5e8
"""About what each of the Hub's files holds: Catalan and Persian have 4 files, Danish has 2."""

_IDENTITY_BYTES = 100
"""About what an article's id, url and title take."""


@dataclass(frozen=True)
class Edition:
    """Size of one Wikipedia.

    Attributes:
        articles: Number of articles.
        characters: Characters of their text.
        bytes_per_character: Bytes of a character in UTF-8; as firm as the tokens.
        tokens_per_character: Tokens of a vocabulary made for the language, without special tokens
            and titles.
        parts: Files that `raw_wikipedia` fetches in parallel.
    """

    articles: Figure
    characters: Figure
    bytes_per_character: float
    tokens_per_character: Figure
    parts: int

    @property
    def text_bytes(self) -> float:
        """Bytes of the text in UTF-8."""
        return self.characters.value * self.bytes_per_character


_TOKENS = "tokens a character"
_UNCOUNTED = "no text of it has been counted; a multilingual vocabulary is assumed"
_ENGLISH_COUNT = (
    "2026-11-23, the sample's 2,936,476 characters make 617,039 tokens of all-MiniLM-L6-v2, whose "
    "vocabulary bge and e5 share"
)

# How text in each script counts: bytes and tokens of a character.
_ENGLISH = (
    2_943_938 / 2_936_476,
    Figure(617_039 / 2_936_476, _TOKENS, "measured", _ENGLISH_COUNT),
)
_LATIN = (1.03, assumed(0.25, _TOKENS, _UNCOUNTED))
_CYRILLIC = (1.75, assumed(0.26, _TOKENS, _UNCOUNTED))
_JAPANESE = (2.6, assumed(0.55, _TOKENS, _UNCOUNTED))
_CHINESE = (2.5, assumed(0.65, _TOKENS, _UNCOUNTED))

_SAMPLE_RUN = "2026-11-23, `wiki-embeddings run --wiki sample`"
_BENCHMARK = "567-labs' benchmark of the same articles"
_CARD = "the card of wikimedia/wikipedia, config of 2023-11-01"
_LIST = "List of Wikipedias of 2023-03-25, as quoted by allenai/OLMo"
_CATALOGUE = "TensorFlow Datasets' catalogue of the dump of 2023-06-01"


def _sized(
    script: tuple[float, Figure], articles: tuple[int, str], row_bytes: tuple[float, str]
) -> Edition:
    """Return an edition by its published articles and bytes of whole rows, each with its source."""
    (count, count_source), (total, total_source) = articles, row_bytes
    per_character, tokens = script
    characters = Figure(
        (total - count * _IDENTITY_BYTES) / per_character,
        "characters",
        "predicted",
        f"{total / 1e9:.2f} GB ({total_source}), without id, url and title, / "
        f"{per_character:.3f} bytes a character ({tokens.basis})",
    )
    published = Figure(count, "articles", "published", count_source)
    return Edition(published, characters, per_character, tokens, math.ceil(total / _FILE_BYTES))


EDITIONS: Mapping[str, Edition] = {
    SAMPLE_WIKI: Edition(
        Figure(106, "articles", "measured", _SAMPLE_RUN),
        Figure(2_936_476, "characters", "measured", _SAMPLE_RUN),
        *_ENGLISH,
        parts=4,
    ),
    "en": Edition(
        Figure(6_407_814, "articles", "published", _CARD),
        Figure(19_560_538_957, "characters", "published", _BENCHMARK),
        *_ENGLISH,
        parts=41,
    ),
    "simple": _sized(_ENGLISH, (241_787, _CARD), (280.2e6, _CATALOGUE)),
    "de": _sized(_LATIN, (2_785_380, _LIST), (9.66e9, _CATALOGUE)),
    "fr": _sized(_LATIN, (2_564_646, _CARD), (8_065_794_826, _CARD)),
    "es": _sized(_LATIN, (1_849_264, _LIST), (6.09e9, _CATALOGUE)),
    "it": _sized(_LATIN, (1_803_910, _LIST), (4.81e9, _CATALOGUE)),
    "pt": _sized(_LATIN, (1_103_131, _LIST), (2.76e9, _CATALOGUE)),
    "cs": _sized(_LATIN, (534_044, _CARD), (1_566_286_962, _CARD)),
    "fi": _sized(_LATIN, (561_598, _CARD), (1_146_146_663, _CARD)),
    "ru": _sized(_CYRILLIC, (1_945_063, _CARD), (10_277_958_919, _CARD)),
    "ja": _sized(_JAPANESE, (1_367_773, _LIST), (6.91e9, _CATALOGUE)),
    "zh": _sized(_CHINESE, (1_384_748, _CARD), (2_790_577_882, _CARD)),
}
"""Editions by language code. The catalogue's sizes, of another dump, are within 1 % of the card's
wherever both are known (fr, ru, fi, lt)."""


def find_edition(wiki: str, characters: float | None, articles: float | None) -> Edition:
    """Return an edition by its language code; sizes that are given replace those of the table.

    Raises:
        BadInputError: The table does not have it, and its size is not given.
    """
    if wiki not in EDITIONS and None in {characters, articles}:
        raise BadInputError(
            f"The size of {wiki!r} is not known here, only of {', '.join(EDITIONS)}. Give it with "
            "--characters and --articles."
        )
    edition = EDITIONS.get(wiki, EDITIONS["de"])  # whose script stands for an unknown one
    if articles is not None:
        edition = replace(edition, articles=Figure(articles, "articles", "given", "your option"))
    if characters is not None:
        given = Figure(characters, "characters", "given", "your option")
        parts = math.ceil(characters * edition.bytes_per_character / _FILE_BYTES)
        edition = replace(edition, characters=given, parts=parts)
    return edition
