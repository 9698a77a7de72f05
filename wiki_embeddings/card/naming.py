"""Names of a dataset and of its edition, language, model and licence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wiki_embeddings.manifest import Manifest
from wiki_embeddings.settings import SAMPLE_WIKI

_CC_BY_SA_4_SINCE = "20230607"
"""The day on which Wikipedia's text went from CC BY-SA 3.0 to 4.0."""

_LANGUAGES = {
    SAMPLE_WIKI: "en",
    "simple": "en",
    "als": "gsw",
    "bat-smg": "sgs",
    "eml": "egl",
    "fiu-vro": "vro",
    "map-bms": "jv",
    "mo": "ro",
    "nrm": "nrf",
    "roa-rup": "rup",
    "roa-tara": "nap",
    "zh-classical": "lzh",
    "zh-min-nan": "nan",
    "zh-yue": "yue",
}
"""Languages of wikis whose name does not begin with the language's code: from MediaWiki's tables of
deprecated and non-standard codes (includes/language/LanguageCode.php), without scripts, regions and
private parts such as `-x-bms`, because the Hub accepts only two or three letters."""


@dataclass(frozen=True)
class License:
    """A licence.

    Attributes:
        id: The Hub's identifier.
        name: What people call it.
        url: Where it can be read.
    """

    id: str
    name: str
    url: str


def text_license(snapshot: str) -> License:
    """Return the licence of Wikipedia's text on a date, given as `YYYYMMDD`."""
    version = "4.0" if snapshot >= _CC_BY_SA_4_SINCE else "3.0"
    return License(
        id=f"cc-by-sa-{version}",
        name=f"Creative Commons Attribution-ShareAlike {version} licence",
        url=f"https://creativecommons.org/licenses/by-sa/{version}/",
    )


def dataset_name(vectors: Manifest) -> str:
    """Return the name of a dataset."""
    model = vectors.model_folder or str(vectors.settings["embeddings"]["model"])
    return planned_dataset_name(vectors.wiki, model, float(vectors.settings["raw"]["fraction"]))


def planned_dataset_name(wiki: str, model: str, fraction: float) -> str:
    """Return a dataset's name: `wikipedia-{wiki}-{model}`, the model without its organisation.

    A dry run over a fraction of the articles is named `…-dry-run`, so it never replaces the whole.
    """
    suffix = "" if fraction == 1.0 else "-dry-run"
    return f"wikipedia-{wiki}-{_short_name(model)}{suffix}"


def dataset_title(vectors: Manifest) -> str:
    """Return the dataset's title for people."""
    return f"{edition_name(vectors.wiki)}, embedded with {short_model_name(vectors)}"


def is_complete(vectors: Manifest) -> bool:
    """Return True if the dataset has all articles of the edition."""
    return float(vectors.settings["raw"]["fraction"]) == 1.0


def short_model_name(vectors: Manifest) -> str:
    """Return the model's name without its organisation or folder."""
    return _short_name(vectors.model_folder or str(vectors.settings["embeddings"]["model"]))


def _short_name(model: str) -> str:
    """Return the last part of a model's name on the Hub, or of its folder's absolute path."""
    return Path(model).absolute().name


def public_model(vectors: Manifest) -> str | None:
    """Return the model's name on the Hub; None for a folder, which means nothing to a reader."""
    model = vectors.settings["embeddings"]
    is_folder = str(model["revision"]).startswith("sha256:")
    return None if is_folder else str(model["model"])


def edition_name(wiki: str) -> str:
    """Return the name of a wiki for people, such as `German Wikipedia`.

    The code stands behind it if it is not that of the language, as in `Cantonese Wikipedia
    (zh-yue)`, because several editions may share a language.
    """
    from babel import Locale

    if wiki == SAMPLE_WIKI:
        return "English Wikipedia (sample)"
    if wiki == "simple":
        return "Simple English Wikipedia"
    code = language_code(wiki)
    language = Locale("en").languages.get(code)
    if language is None:
        return f"Wikipedia ({wiki})"
    return f"{language} Wikipedia" if code == wiki else f"{language} Wikipedia ({wiki})"


def site_url(wiki: str) -> str:
    """Return the address of a wiki."""
    return f"https://{'en' if wiki == SAMPLE_WIKI else wiki}.wikipedia.org/"


def language_code(wiki: str) -> str:
    """Return the ISO 639 code of a wiki's language, which the Hub requires."""
    return _LANGUAGES.get(wiki, wiki.partition("-")[0])
