"""Templates of the Dutch Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import Expansion, constant, rows
from wiki_embeddings.sources.wikitext.templates.flags import country_name
from wiki_embeddings.sources.wikitext.templates.mathematics import fraction

_COUNTRIES = (
    "AT AU BE BR CA CH CN DE DK ES FI FR GB GR IE IN IT JP LU NL NO PL PT RU SE SR TR US ZA"
)


def _country(code: str) -> Expansion:
    return lambda _: country_name(code, "nl")


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["datum", "geboren", "overleden", "geboortedatum"], local_date("nl", "dmy")),
    **dict.fromkeys(["citaat", "quote", "cquote", "gedicht"], quotation),
    **{code.lower(): _country(code) for code in _COUNTRIES.split()},
    "breuk": fraction,
    **dict.fromkeys(["vlag", "anker", "clearboth", "vlaggetje"], constant("")),
    **rows(
        {
            "{1}": "refnec|kleine letters|klein|aut|niet afbreken|vet|cursief|feit",
            "{1} v.Chr.": "v.chr.",
        }
    ),
}
