"""Templates for quotations, lists and columns, which begin new paragraphs or lines."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.markers import LINE_BREAK, LIST_ITEM, PARAGRAPH_BREAK
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    joined,
    last,
    positional,
)


def quotation(arguments: Arguments) -> str:
    """A paragraph, with the author on a line below it."""
    text = argument(
        "1",
        "text",
        "quote",
        "original",
        "citation",
        "content",
        "lines",
        "Text",
        "texte",
        "texto",
        "testo",
        "תוכן",
        "текст",
        "متن",
    )(arguments)
    author = argument(
        "2",
        "author",
        "sign",
        "cite",
        "by",
        "char",
        "auteur",
        "autor",
        "Autor",
        "autore",
        "автор",
        "אומר",
        "dichter",
    )(arguments)
    source = argument("3", "source", "title", "Quelle", "fuente", "fonte", "источник", "מקור")(
        arguments
    )
    credit = ", ".join(filter(None, [author, source]))
    attribution = f"{LINE_BREAK}— {credit}" if credit else ""
    return f"{PARAGRAPH_BREAK}{text}{attribution}{PARAGRAPH_BREAK}" if text else ""


def quotation_with_images(arguments: Arguments) -> str:
    """A paragraph; the author stands behind the sizes of two quotation marks."""
    shifted = {"2": arguments.get("4", ""), "3": arguments.get("5", "")}
    is_short = not arguments.get("2", "").endswith("px") and not arguments.get("4")
    return quotation(arguments if is_short else Arguments({**arguments, **shifted}, arguments.page))


def quotation_at_side(arguments: Arguments) -> str:
    """A paragraph, behind the side at which it stands."""
    shifted = {str(number): arguments.get(str(number + 1), "") for number in (1, 2, 3)}
    return quotation(Arguments({**arguments, **shifted}, arguments.page))


def verses(arguments: Arguments) -> str:
    """A poem and its translation, one after the other."""
    texts = [text for text in positional(arguments)[:2] if text]
    author = argument("attr1", "author", "3")(arguments)
    if author:
        texts.append(f"— {author}")
    return PARAGRAPH_BREAK + PARAGRAPH_BREAK.join(texts) + PARAGRAPH_BREAK if texts else ""


def verse_line(arguments: Arguments) -> str:
    """The two halves of a Persian or Arabic verse, in one line."""
    return LINE_BREAK + " … ".join(filter(None, positional(arguments)[:2])) + LINE_BREAK


def poem(arguments: Arguments) -> str:
    """A poem of which each argument is a line."""
    return PARAGRAPH_BREAK + LINE_BREAK.join(positional(arguments)) + PARAGRAPH_BREAK


def columns(arguments: Arguments) -> str:
    """The columns `col1`, `col2`, … one after the other."""
    names = [f"col{number}" for number in range(1, 10)]
    return PARAGRAPH_BREAK + LINE_BREAK.join(
        arguments[name] for name in names if arguments.get(name)
    )


def bullet_list(arguments: Arguments) -> str:
    """One line for each argument."""
    items = [f"{LINE_BREAK}{LIST_ITEM}{item}" for item in positional(arguments) if item]
    return "".join([*items, LINE_BREAK])


def block(arguments: Arguments) -> str:
    """A paragraph of its own."""
    text = argument("1", "text", "content")(arguments)
    return f"{PARAGRAPH_BREAK}{text}{PARAGRAPH_BREAK}" if text else ""


def line(arguments: Arguments) -> str:
    """A line of its own, such as a term of a glossary or its definition."""
    text = argument("2" if arguments.get("no") else "1", "1", "term", "defn", "content")(arguments)
    return f"{LINE_BREAK}{text}{LINE_BREAK}" if text else ""


def theorem(arguments: Arguments) -> str:
    """`Theorem (Euclid). There are infinitely many primes.` as a paragraph."""
    text = argument("1", "math_statement")(arguments)
    name = argument("name", "note")(arguments)
    return f"{PARAGRAPH_BREAK}{f'{name}. ' if name else ''}{text}{PARAGRAPH_BREAK}" if text else ""


_QUOTATIONS = (
    "blockquote|bquote|bq|cquote|quotation|quote|rquote|quote without source|poemquote|poem quote|"
    "poem|dialogue|quote2|qb|epigraph|imquote|centered pull quote|pull quote|long quote|cita"
)
_OTHER_QUOTATIONS = (
    "quote box|quotebox|quote box2|cuadro de cita|caixa de citação|encart citation|citatboks|"
    "poema|verso|poesia|estrofa|कविता|alıntı|נקל|ציטוט|ציטוטון|שיר|نقل قول|گفتاورد|نقل‌قول|citát|"
    "citát v rámečku|idézet|sitaatti|"
    "sitat|citat|citació|cita bloque|απόσπασμα|παράθεση|цитат|початок цитати|kutipan|คำพูด|gedicht|"
    "zitat|citaat|citazione|citação|cytat|उद्धरण|인용문|引用|trích dẫn|trích dẫn khối|şiir|vers|"
    "báseň"
)
_LISTS = (
    "hlist|ordered list|ubl|unbulleted list|ublist|bulleted list|blist|bullet list|ul|ol|"
    "cslist-lines|unbullet list|numbered list"
)

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(_QUOTATIONS.split("|"), quotation),
    **dict.fromkeys(_OTHER_QUOTATIONS.split("|"), quotation),
    **dict.fromkeys(["شعر", "قصيدة", "poem lines"], poem),
    **dict.fromkeys(["ب", "بیت", "بيت", "بيت شعر"], verse_line),
    "cquote": quotation_with_images,
    "rquote": quotation_at_side,
    **dict.fromkeys(["verse translation", "verse", "text and translation"], verses),
    "columns": columns,
    **dict.fromkeys(["columns-list", "col-list", "collist", "columnslist"], last),
    **dict.fromkeys(_LISTS.split("|"), bullet_list),
    **dict.fromkeys(["cslist", "comma separated entries", "csl"], joined(", ")),
    **dict.fromkeys(["plainlist", "flatlist", "plain list", "endplainlist"], argument("1")),
    **dict.fromkeys(["block indent", "blockindent", "bi", "indented plainlist", "left", "right",
                     "align", "aligned block", "centered", "div", "wrapper", "stack text",
                     "block"], block),
    **dict.fromkeys(["term", "defn", "glossary term", "dt", "dd", "ghat", "gnat"], line),
    **dict.fromkeys(["math theorem", "math proof", "theorem", "proof"], theorem),
    **dict.fromkeys(["br separated entries", "unordered list"], bullet_list),
    **dict.fromkeys(["clear", "-", "clr", "clearleft", "clearright", "div col", "div col end",
    "colbegin",
                     "colend", "col-begin", "col-end", "col-break", "col-2", "col-3"],
                     constant("")),
}  # fmt: skip
