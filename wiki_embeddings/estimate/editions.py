"""How large each Wikipedia is, and how many tokens its script makes: dated, each with its source.

A Hub config's size counts the columns id, url, title and text in bytes. Characters follow from it
by the bytes that a character takes in the edition's script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.figures import Basis, Figure
from wiki_embeddings.settings import SAMPLE_WIKI

EDITIONS_AS_OF = "2023-11-01"


@dataclass(frozen=True)
class Script:
    """How text in one script counts.

    Attributes:
        bytes_per_character: Bytes in UTF-8 to a character.
        tokens_per_character: Tokens to a character, without special ones and titles, by a
            vocabulary made for the language.
        basis: What both rest on.
        source: Where they are from.
    """

    bytes_per_character: float
    tokens_per_character: float
    basis: Basis
    source: str


_GUESS = "no text of it has been counted; a multilingual vocabulary is supposed"

ENGLISH = Script(
    2_943_938 / 2_936_476,
    617_039 / 2_936_476,
    "measured",
    "2026-11-23, the sample's 2,936,476 characters make 617,039 tokens of all-MiniLM-L6-v2, whose "
    "vocabulary bge and e5 share",
)
LATIN = Script(1.03, 0.25, "assumed", _GUESS)
CYRILLIC = Script(1.75, 0.26, "assumed", _GUESS)
JAPANESE = Script(2.6, 0.55, "assumed", _GUESS)
CHINESE = Script(2.5, 0.65, "assumed", _GUESS)


@dataclass(frozen=True)
class Edition:
    """Size of one Wikipedia.

    Attributes:
        wiki: Its language code.
        articles: Number of articles.
        characters: Characters of their text.
        script: How its text counts.
        parts: Files that `raw_wikipedia` fetches side by side.
    """

    wiki: str
    articles: Figure
    characters: Figure
    script: Script
    parts: int

    @property
    def text_bytes(self) -> float:
        """Bytes of the text in UTF-8."""
        return self.characters.value * self.script.bytes_per_character


_PART_BYTES = 5e8
"""The Hub's files hold about so much each: Catalan and Persian have 4, Danish has 2."""

_IDENTITY_BYTES = 100
"""Id, url and title of an article, about."""

_SAMPLE_RUN = "2026-11-23, `wiki-embeddings run --wiki sample`"
_CARD = f"the card of wikimedia/wikipedia, config of {EDITIONS_AS_OF}"
_LIST = "List of Wikipedias of 2023-03-25, as allenai/OLMo quotes it"
_CATALOGUE = "TensorFlow Datasets' catalogue of the dump of 2023-06-01"


def _edition(
    wiki: str, script: Script, articles: tuple[int, str], size: tuple[float, str]
) -> Edition:
    """An edition whose size in bytes is published.

    Args:
        wiki: Its language code.
        script: How its text counts.
        articles: Number of articles, and who says so.
        size: Bytes of its articles, whole rows, and who says so.
    """
    count, counted_by = articles
    total, weighed_by = size
    text = total - count * _IDENTITY_BYTES
    return Edition(
        wiki,
        Figure(count, "articles", "published", counted_by),
        Figure(
            text / script.bytes_per_character,
            "characters",
            "predicted",
            f"{total / 1e9:.2f} GB ({weighed_by}), without id, url and title, / "
            f"{script.bytes_per_character:.3f} bytes a character ({script.basis})",
        ),
        script,
        math.ceil(total / _PART_BYTES),
    )


_KNOWN = (
    Edition(
        SAMPLE_WIKI,
        Figure(106, "articles", "measured", _SAMPLE_RUN),
        Figure(2_936_476, "characters", "measured", _SAMPLE_RUN),
        ENGLISH,
        parts=4,
    ),
    Edition(
        "en",
        Figure(6_407_814, "articles", "published", _CARD),
        Figure(
            19_560_538_957, "characters", "published", "567-labs' benchmark of the same articles"
        ),
        ENGLISH,
        parts=41,
    ),
    _edition("simple", ENGLISH, (241_787, _CARD), (280.2e6, _CATALOGUE)),
    _edition("de", LATIN, (2_785_380, _LIST), (9.66e9, _CATALOGUE)),
    _edition("fr", LATIN, (2_564_646, _CARD), (8_065_794_826, _CARD)),
    _edition("es", LATIN, (1_849_264, _LIST), (6.09e9, _CATALOGUE)),
    _edition("it", LATIN, (1_803_910, _LIST), (4.81e9, _CATALOGUE)),
    _edition("pt", LATIN, (1_103_131, _LIST), (2.76e9, _CATALOGUE)),
    _edition("cs", LATIN, (534_044, _CARD), (1_566_286_962, _CARD)),
    _edition("fi", LATIN, (561_598, _CARD), (1_146_146_663, _CARD)),
    _edition("ru", CYRILLIC, (1_945_063, _CARD), (10_277_958_919, _CARD)),
    _edition("ja", JAPANESE, (1_367_773, _LIST), (6.91e9, _CATALOGUE)),
    _edition("zh", CHINESE, (1_384_748, _CARD), (2_790_577_882, _CARD)),
)

EDITIONS: Mapping[str, Edition] = {edition.wiki: edition for edition in _KNOWN}
"""Editions whose size is published, by language code. The catalogue's sizes, of another dump, are
within 1 % of the card's wherever both are known (fr, ru, fi, lt)."""


def edition_of(wiki: str, characters: float | None, articles: float | None) -> Edition:
    """An edition by its language code, with whatever size of it is given instead.

    Raises:
        BadInputError: It is not in the table, and its size is not given.
    """
    edition = EDITIONS.get(wiki) or _unknown(wiki, characters, articles)
    if characters is not None:
        text = characters * edition.script.bytes_per_character
        given = Figure(characters, "characters", "given", "as you say")
        edition = replace(edition, characters=given, parts=math.ceil(text / _PART_BYTES))
    if articles is not None:
        edition = replace(edition, articles=Figure(articles, "articles", "given", "as you say"))
    return edition


def _unknown(wiki: str, characters: float | None, articles: float | None) -> Edition:
    if characters is None or articles is None:
        raise BadInputError(
            f"The size of {wiki!r} is not known here, only of {', '.join(EDITIONS)}. Give it with "
            "--characters and --articles."
        )
    nothing = Figure(0.0, "", "given", "replaced by what is given")
    return Edition(wiki, nothing, nothing, LATIN, parts=1)
