"""Templates of the Hindi Wikipedia, and of its neighbours in the same script."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.units import quantity

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["जन्म तिथि", "जन्म तिथि एवं आयु", "जन्म तिथि और आयु", "जन्म तिथि व आयु", "मृत्यु तिथि",
        "मृत्यु तिथि एवं आयु", "मृत्यु तिथि और आयु", "मृत्यु तिथि व आयु", "प्रारंभ तिथि", "आरंभ तिथि"],
        local_date("hi", "ymd"),
    ),
    **dict.fromkeys(["उद्धरण", "उक्ति", "सूक्ति"], quotation),
    **dict.fromkeys(["परिवर्तन", "कन्वर्ट"], quantity),
    **dict.fromkeys(["उल्लेख आवश्यक", "एंकर"], constant("")),
    **dict.fromkeys(["रुपया", "रुपये", "भारतीय रुपया"], lambda a: f"₹{argument('1')(a)}"),
    **rows({"{1}": "ध्वज|देश|देवनागरी|छोटा|संस्कृत", "{2|1}": "भाषा"}),
}  # fmt: skip
