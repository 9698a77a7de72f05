"""Templates that name a work, a law, an identifier or a passage."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.markers import CITATION
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    around,
    constant,
    joined,
    positional,
    rows,
)


def _authors(arguments: Arguments) -> tuple[str, str]:
    *authors, year = [value for value in positional(arguments) if value] or [""]
    if len(authors) > 2:
        separator = " et al." if len(authors) > 3 else ""
        shown = (
            authors[0] + separator if separator else f"{', '.join(authors[:-1])} & {authors[-1]}"
        )
    else:
        shown = " & ".join(authors)
    return shown, year


def _place(arguments: Arguments) -> str:
    if page := argument("p", "page")(arguments):
        return f", p. {page}"
    if pages := argument("pp", "pages")(arguments):
        return f", pp. {pages}"
    return f", {arguments['loc']}" if arguments.get("loc") else ""


def harvard(arguments: Arguments) -> str:
    """`Boolos & Jeffrey (1974, 1999)`."""
    authors, year = _authors(arguments)
    return f"{authors} ({year}{_place(arguments)})" if authors else year


def harvard_without_brackets(arguments: Arguments) -> str:
    """`Boolos & Jeffrey 1974, p. 5`."""
    authors, year = _authors(arguments)
    return f"{authors} {year}{_place(arguments)}".strip()


def harvard_in_brackets(arguments: Arguments) -> str:
    """`(Boolos & Jeffrey 1974, p. 5)`."""
    shown = harvard_without_brackets(arguments)
    return f"({shown})" if shown else ""


def bible_verse(arguments: Arguments) -> str:
    """`Mark 3:25`."""
    if shown := argument("4", "text")(arguments):
        return shown
    return " ".join(filter(None, positional(arguments)[:2]))


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["bibleref", "bibleverse", "bibleref2", "bible", "sourcetext"], bible_verse),
    **dict.fromkeys(["citation", "harvard citation"], constant(CITATION)),
    "epc 1973 rule": around("Rule ", " EPC 1973"),
    "epc article": around("Article ", " EPC"),
    "epc rule": around("Rule ", " EPC"),
    **dict.fromkeys(["harvtxt", "harvard citation text"], harvard),
    **dict.fromkeys(
        ["harvnb", "harvard citation no brackets", "harvcolnb"], harvard_without_brackets
    ),
    **dict.fromkeys(["harv", "harvcol", "harvp", "harvard citations"], harvard_in_brackets),
    "pct rule": around("Rule ", " PCT"),
    "post-nominals": joined(" "),
    "postnominals": joined(" "),
    "us patent": around("U.S. Patent "),
    "url": argument("2", "1"),
    "unitedstatescode": lambda arguments: " U.S.C. § ".join(positional(arguments)[:2]),
    "usc": lambda arguments: " U.S.C. § ".join(positional(arguments)[:2]),
    "usstatute": joined(" "),
    **rows(
        {
            "ISBN {1}": "isbn|isbnt",
            "{1} § {2}": "section link|slink|section link text",
            "ISSN {1}": "issn",
            "OCLC {1}": "oclc",
            "doi:{1}": "doi",
            "arXiv:{1}": "arxiv",
            "Bibcode:{1}": "bibcode",
            "JSTOR {1}": "jstor",
            "PMID {1}": "pmid",
            "PMC {1}": "pmc",
            "LCCN {1}": "lccn",
            "RFC {1}": "ietf rfc|rfc",
            "CAS {1}": "cas",
            "p. {1}": "p.|page",
            "pp. {1}": "pp.|pages",
            "vol. {1}": "vol.|volume",
            "No. {1}": "no.|numero",
            "Quran {1}[:{2}]": "quran|cite quran|qref|quran-usc",
            "§ {1}": "section sign|sectionsign|sec|para sign",
            "NYSE: {1}": "nyse",
            "Nasdaq: {1}": "nasdaq|nasdaq link",
            "LSE: {1}": "lse",
            "TYO: {1}": "tyo|tse",
            "TSX: {1}": "tsx",
            "BSE: {1}": "bse",
            "ASX: {1}": "asx",
            "SEHK: {1}": "sehk",
            "Euronext: {1}": "euronext",
            "FWB: {1}": "fwb",
            "{2|1}": "official url|url2|link",
            "{1} U.S. {2}": "ussc",
            "UN/LOCODE {1}": "un/locode",
        }
    ),
}
TEMPLATES["url"] = argument("2", "1")
