"""Templates of the Korean Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import Expansion, constant, rows

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["출생일", "출생일과 나이", "사망일", "사망일과 나이", "시작 날짜", "날짜"],
        local_date("ko", "ymd"),
    ),
    **dict.fromkeys(["인용문", "인용", "따옴표"], quotation),
    **dict.fromkeys(["국기그림", "닻", "출처"], constant("")),
    **rows(
        {
            "{1}": "국기|국기나라|한자|작은글씨|작게|줄바꿈금지",
            "{1} (일본어: {2}[ {3}])": "일본어",
        }
    ),
}
