"""Templates of the Portuguese Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.editions.fr import quantity as _quantity
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    joined,
    rows,
)

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["dtlink", "data", "dni", "dnibr", "dnipt", "nascimento", "morte", "falecimento",
        "falecimento e idade", "nascimento e idade", "data de nascimento", "morte e idade",
        "dtext"],
        local_date("pt", "dmy"),
    ),
    **dict.fromkeys(["fmtn", "formatar número"], lambda a: " ".join(
        filter(None, [group_digits(argument("1")(a), "pt"), argument("2")(a)]))),
    **dict.fromkeys(["unidade", "unit"], _quantity),
    **dict.fromkeys(["citação", "citação longa", "bloco de citação", "citação2"], quotation),
    "lknb": joined(" "),
    **dict.fromkeys(["âncora", "limpar"], constant("")),
    **dict.fromkeys(["ac", "a.c.", "a.c"], lambda a: f"{argument('1')(a)} a.C.".strip()),
    **dict.fromkeys(["dc", "d.c."], lambda a: f"{argument('1')(a)} d.C.".strip()),
    **rows(
        {
            "século {1}": "séc|século|sec",
            "séculos {1}[ e {2}]": "séculos",
            "{1} (português brasileiro) ou {2} (português europeu)": "pbpe",
            "{1} (português europeu) ou {2} (português brasileiro)": "pepb",
            "{1}": "nwrap|ilc|versalete|nome nativo|falta fonte|pequeno",
            "n.º {1}": "núm.|número",
            "{1}.º": "ordinal",
        }
    ),
}  # fmt: skip
