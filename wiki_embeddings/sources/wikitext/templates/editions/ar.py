"""Templates of the Arabic Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.coordinates import coordinates
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.units import quantity

_LANGUAGES = {
    "إنج": "بالإنجليزية", "فرن": "بالفرنسية", "لات": "باللاتينية", "ألم": "بالألمانية",
    "إسب": "بالإسبانية", "إيط": "بالإيطالية", "رو": "بالروسية", "ترك": "بالتركية",
    "فارسية": "بالفارسية", "فار": "بالفارسية", "عبر": "بالعبرية", "يون": "باليونانية",
    "يابانية": "باليابانية", "صين": "بالصينية", "هولندية": "بالهولندية", "برتغالية": "بالبرتغالية",
    "سريانية": "بالسريانية", "أمازيغية": "بالأمازيغية", "كردية": "بالكردية",
}  # fmt: skip


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        [
            "تاريخ الميلاد",
            "تاريخ ميلاد",
            "تاريخ الميلاد والعمر",
            "تاريخ ميلاد وعمر",
            "تاريخ الوفاة",
            "تاريخ وفاة",
            "تاريخ الوفاة والعمر",
            "تاريخ وفاة وعمر",
            "تاريخ البدء",
            "تاريخ بداية",
            "تاريخ",
        ],
        local_date("ar", "ymd"),
    ),
    **dict.fromkeys(["اقتباس", "اقتباس خاص", "اقتباس مضمن", "مقولة"], quotation),
    **dict.fromkeys(["إحداثيات"], coordinates),
    **dict.fromkeys(["تحويل", "حول"], quantity),
    **dict.fromkeys(
        ["علم", "رمز علم", "أيقونة علم", "مرساة", "بداية قصيدة", "نهاية قصيدة"], constant("")
    ),
    **dict.fromkeys(["صلى", "ص", "صلى الله عليه وسلم", "صلعم"], constant("ﷺ")),
    **dict.fromkeys(["عليه السلام", "ع"], constant("عليه السلام")),
    **dict.fromkeys(["رضي الله عنه", "رضـ", "رضي"], constant("رضي الله عنه")),
    **dict.fromkeys(["عز وجل"], constant("عز وجل")),
    **dict.fromkeys(["هـ", "هجري"], lambda a: f"{argument('1')(a)} هـ".strip()),
    **dict.fromkeys(["م", "ميلادي"], lambda a: f"{argument('1')(a)} م".strip()),
    **dict.fromkeys(["ق.م", "ق م"], lambda a: f"{argument('1')(a)} ق.م".strip()),
    **rows(
        {
            **{f"({label}: {{1}})": name for name, label in _LANGUAGES.items()},
            "{نص|عر|1|تر}": "وإو|وصلة إنترويكي|و.إ.و",
            "﴿{1}﴾": "قرآن",
            "{1}": "صغ|صغير|بلد|علم بلد|خط عربي|كبير|نص عربي|عربي|لون نص|آية",
            "{2|1}": "لغة|لون|ترتيب",
            "{1} كم²": "كم2|كم²",
            "{1} كم": "كم",
            "{1} دولار": "دولار",
            "{1} دولار أمريكي": "دولار أمريكي",
            "{1} يورو": "يورو",
            "{1} متر": "متر",
        }
    ),
}
