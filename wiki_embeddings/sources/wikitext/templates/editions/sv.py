"""Templates of the Swedish Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.flags import flag

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["datum", "född", "död", "födelsedatum", "dödsdatum"], local_date("sv", "ymd")),
    **dict.fromkeys(["citat", "vers", "blockcitat"], quotation),
    **dict.fromkeys(["flaggland", "land", "flagga och namn"], flag),
    **dict.fromkeys(["flagga", "flaggbild", "ankare", "clear"], constant("")),
    "tal": lambda a: group_digits(argument("1")(a), "sv"),
    **rows(
        {
            "{1}": "nowrap|liten|källa text|fet|kursiv|namnsdag|ej radbrytning",
            "{1} f.Kr.": "f.kr.",
            "{1} kr": "kr|kronor",
        }
    ),
}
