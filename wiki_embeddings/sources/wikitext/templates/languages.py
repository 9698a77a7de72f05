"""Templates for words of other languages, and for names of languages."""

from __future__ import annotations

import re

from babel.core import get_global

from wiki_embeddings.sources.wikitext.page import locale_of
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    around,
    constant,
    joined,
    last,
    positional,
    rows,
)

_NAMES = {
    "aln": "Gheg Albanian", "bar": "Bavarian", "ber": "Berber", "bn": "Bengali", "cop": "Coptic",
    "grc-gre": "Greek", "hbo": "Biblical Hebrew", "cu": "Church Slavonic", "gem": "Germanic",
    "gmh": "Middle High German", "goh": "Old High German", "nds": "Low German", "ko-hang": "Korean",
    "sr-cyr": "Serbian Cyrillic", "sr-cyrl": "Serbian Cyrillic", "sr-lat": "Serbian",
    "sr-latn": "Serbian", "sh-latn": "Serbo-Croatian", "zh-cn": "Chinese", "zh-hans": "Chinese",
    "zh-hant": "Chinese", "zh-tw": "Chinese",
}  # fmt: skip
"""English names that differ from those of CLDR, or that it lacks."""

_LABELS = {
    "ar": "ب{name}: ", "de": "{name} ", "es": "en {name}: ", "fr": "en {name} : ",
    "it": "in {name}: ", "pt": "em {name}: ", "vi": "tiếng {name}: ", "zh": "{name}：",
}  # fmt: skip
"""What stands before a text in another language, by the wiki's language; else `{name}: `."""

_CODE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


def language_name(code: str, language: str = "en") -> str:
    """Return the name of a language in the wiki's language; empty if it is not known."""
    code = code.strip().lower()
    locale = locale_of(language)
    if locale.language == "en" and code in _NAMES:
        return _NAMES[code]
    base = code.partition("-")[0]
    if len(base) == 3:
        base = get_global("language_aliases").get(base, base)
    return str(locale.languages.get(base, ""))


def _labelled(code: str, text: str, arguments: Arguments) -> str:
    """Put the language's name before a text, its romanization and its meaning behind it."""
    label = arguments.get("label")
    if label is None:
        name = language_name(code, arguments.page.language)
        language = locale_of(arguments.page.language).language
        label = _LABELS.get(language, "{name}: ").format(name=name) if name else ""
    elif label.lower() in {"none", "no", "off"}:
        label = ""
    else:
        label = f"{label}: " if label else ""
    parts = [label + text]
    roman = argument("translit", "romanized", "tr")(arguments)
    meaning = argument("lit", "translation", "gloss")(arguments)
    is_english = locale_of(arguments.page.language).language == "en"
    if roman:
        parts.append(f"romanized: {roman}" if label and is_english else roman)
    if meaning:
        parts.append(f"lit. '{meaning}'")
    return ", ".join(parts)


def foreign_text(code: str) -> Expansion:
    """Show a text after its language's name: `Greek: Ἀριστοτέλης, romanized: Aristotélēs`."""

    def expand(arguments: Arguments) -> str:
        text, roman, meaning = (
            argument(*names)(arguments)
            for names in (("1", "text"), ("2", "translit"), ("3", "lit", "translation"))
        )
        if not text:
            return ""
        return _labelled(code, text, Arguments({**arguments, "translit": roman, "lit": meaning},
                                               arguments.page))  # fmt: skip

    return expand


def after_label(label: str) -> Expansion:
    """Show a text after an abbreviation of its language's name: `англ. text`."""
    return lambda arguments: f"{label} {text}".strip() if (text := argument("1")(arguments)) else ""


def langx(arguments: Arguments) -> str:
    """`Russian: Москва` for {{langx|ru|Москва}}; a shift of the arguments of {{lang-ru}}."""
    code = argument("1", "code")(arguments)
    shifted = {
        str(int(name) - 1): value for name, value in arguments.items() if name in {"2", "3", "4"}
    }
    named = {name: value for name, value in arguments.items() if not name.isdecimal()}
    return foreign_text(code)(Arguments({**named, **shifted}, arguments.page))


def lang(arguments: Arguments) -> str:
    """The text, without the code of its language."""
    return argument("2", "text")(arguments)


def transliteration(arguments: Arguments) -> str:
    """The last argument, after a language and perhaps a standard."""
    values = positional(arguments)
    return last(arguments) if len(values) > 1 or not _CODE.fullmatch("".join(values)) else ""


def pronunciation(arguments: Arguments) -> str:
    """`/eɪ/`, a sound that the sentence is about; nothing for how a word is pronounced."""
    values = positional(arguments)
    return values[0] if len(values) == 1 else ""


def nihongo(arguments: Arguments) -> str:
    """`headquarters (本部道場, honbu dōjō)`."""
    english, *japanese = [*positional(arguments)[:4], ""]
    written = ", ".join(filter(None, japanese))
    after = argument("5", "extra2")(arguments)
    shown = f"{english} ({written})".strip() if written else english
    return f"{shown} {after}".strip()


def _in_order(*order: int, inner: str = ", ") -> Expansion:
    """Show the first of some arguments, and the others in brackets behind it."""

    def expand(arguments: Arguments) -> str:
        first, *others = [arguments.get(str(number), "") for number in order]
        inside = inner.join(filter(None, others))
        return f"{first} ({inside})" if first and inside else first or inside

    return expand


_CHINESE = {
    "c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin",
    "tp": "Tongyong Pinyin", "w": "Wade–Giles", "j": "Jyutping", "cy": "Cantonese Yale",
    "poj": "Pe̍h-ōe-jī", "tl": "Tâi-lô", "hp": "pinyin", "l": "lit.", "tr": "trans.",
}  # fmt: skip


def chinese(arguments: Arguments) -> str:
    """`Chinese: 北京; pinyin: Běijīng; lit. 'northern capital'`."""
    has_labels = arguments.get("labels", "") not in {"no", "none"}
    order = list(_CHINESE)
    if "t" in arguments.get("first", ""):
        order = ["c", "t", "s", *order[3:]]
    values = {code: arguments.get(code, "") for code in order}
    if not values["c"]:
        values["c"] = arguments.get("1", "")
    parts = []
    for code, value in values.items():
        if value and code == "l":
            parts.append(f"lit. '{value}'")
        elif value:
            parts.append(f"{_CHINESE[code]}: {value}" if has_labels else value)
    return "; ".join(parts)


_KOREAN = [
    (("hangul", "1"), "Korean"), (("hanja", "2"), "Hanja"), (("rr", "3"), "RR"),
    (("mr", "4"), "MR"), (("lk",), ""),
]  # fmt: skip


def korean(arguments: Arguments) -> str:
    """`Korean: 서울; Hanja: 漢城; RR: Seoul; MR: Sŏul`."""
    has_labels = arguments.get("labels", "") not in {"no", "none"}
    parts = []
    for names, label in _KOREAN:
        value = argument(*names)(arguments)
        if value and label:
            parts.append(f"{label}: {value}" if has_labels else value)
    if meaning := argument("lit")(arguments):
        parts.append(f"lit. '{meaning}'")
    return "; ".join(parts)


def ruby(arguments: Arguments) -> str:
    """`漢字(かんじ)`."""
    text, reading = [*positional(arguments), "", ""][:2]
    return f"{text}({reading})" if text and reading else text or reading


def meanings(before: str) -> Expansion:
    """Show translations in quotation marks: `lit. 'sun' or 'day'`."""

    def expand(arguments: Arguments) -> str:
        words = " or ".join(f"'{word}'" for word in positional(arguments) if word)
        return f"{before}{words}" if words else ""

    return expand


def interlanguage_link(arguments: Arguments) -> str:
    """The article's name, before or after the language that has it: `{{ill|Name|de}}`."""
    if shown := argument("lt", "label", "text")(arguments):
        return shown
    first, second = [*positional(arguments), "", ""][:2]
    return second if len(first) in {2, 3} and first.islower() and second else first


def name_of_language(arguments: Arguments) -> str:
    """`French` for `fr`."""
    code = argument("1")(arguments)
    return language_name(code, arguments.page.language) or code


def in_language(arguments: Arguments) -> str:
    """`(in French)`."""
    names = [language_name(code) or code for code in positional(arguments) if code]
    return f"(in {' and '.join(names)})" if names else ""


def sic(arguments: Arguments) -> str:
    """`teh [sic]`."""
    text = joined("")(arguments)
    is_hidden = arguments.get("hide", "").lower() in {"y", "yes", "1", "true"}
    return text if is_hidden else f"{text} [sic]".strip()


def derivation(arguments: Arguments) -> str:
    """`from Latin aqua 'water'`."""
    code, word, meaning = [*positional(arguments), "", "", ""][:3]
    parts = ["from", language_name(code) or code, word, f"'{meaning}'" if meaning else ""]
    return " ".join(filter(None, parts)) if word else ""


def script_variant(variant: str) -> Expansion:
    """Show Chinese characters of one kind: {{zhs|北京}}."""

    def expand(arguments: Arguments) -> str:
        values = {variant: argument("1", variant)(arguments), "p": argument("2", "p")(arguments)}
        return chinese(Arguments({**arguments, "1": "", **values}, arguments.page))

    return expand


_LANGUAGE_FIRST = (
    "dil|taal|språk|sprache|idioma|lingua|język|язык|мова|言語|语言|語言|언어|زبان|لغة|שפה|भाषा|लैंग|kieli|"
    "jazyk|nyelv"
)
_INTERLANGUAGE = (
    "ill|ill2|illm|iwl|link-interwiki|interlanguage link|ill-wd|interlanguage link multi|임시링크|"
    "bağlantı-dil|kırmızı bağlantı|پیوند میان‌ویکی|پم|länk|liên kết ngôn ngữ|仮リンク|"
    "enlace sin traducir"
)

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["lang", "wikt-lang", "lang2", "langue", "lang-unknown", "m+", "mention",
    *_LANGUAGE_FIRST.split("|")],
    lang),
    **dict.fromkeys(["langx", "lang-x", "llang"], langx),
    **dict.fromkeys(
        ["rtl-lang", "script", "transl", "transliteration", "xlit", "tlit"], transliteration
    ),
    **dict.fromkeys(["native name", "native phrase", "nativename", "script/arabic"], last),
    "ipa": pronunciation,
    "ipablink": around("[", "]"),
    **dict.fromkeys(["angbr", "angle bracket", "grapheme"], around("⟨", "⟩")),
    **dict.fromkeys(
        _INTERLANGUAGE.split("|"),
        interlanguage_link,
    ),
    "linktext": joined(" "),
    **dict.fromkeys(["nihongo", "nihongo title", "nihongo core"], nihongo),
    "nihongo2": argument("1"),
    **dict.fromkeys(["nihongo3"], _in_order(3, 2, 1, 4)),
    "nihongo4": _in_order(1, 2, 3),
    **dict.fromkeys(["nihongo krt"], _in_order(2, 3, 1)),
    **dict.fromkeys(["nihongo foot", "nihongo-foot"], argument("1")),
    "nihongo-s": _in_order(1, 2),
    **dict.fromkeys(["zh", "zhp", "zh-cn", "lang-zh", "zh-t", "zh-s", "chinese", "zh-full"],
    chinese),
    "zhs": script_variant("s"),
    "zht": script_variant("t"),
    **dict.fromkeys(["korean", "ko-hhrm", "lang-ko", "korean2"], korean),
    **dict.fromkeys(["ruby", "ruby-ja", "ruby-zh-p", "ruby-zh-b", "ruby-py", "furigana"], ruby),
    **dict.fromkeys(["literal translation", "lit", "lit.", "literally", "lt"], meanings("lit. ")),
    **dict.fromkeys(["gloss", "glossed"], meanings("")),
    **dict.fromkeys(["translation", "trans", "trans."], meanings("transl. ")),
    **dict.fromkeys(["iso 639 name", "langname", "language name", "language", "#language"],
    name_of_language),
    **dict.fromkeys(["in lang", "language icon"], in_language),
    **dict.fromkeys(["sic", "typo"], sic),
    **dict.fromkeys(["etymology", "ety"], derivation),
    **dict.fromkeys(["okina", "ʻokina", "'okina"], constant("ʻ")),
    "ayin": constant("ʽ"),
    **dict.fromkeys(["hamza", "aleph"], constant("ʾ")),
    **rows(
        {
            "{1|text}": "ipalink|ipaslink|ipa link|polytonic|unicode|hebrew|arabic|script/hebrew"
            "|script/nastaliq|script/greek|script/coptic|hebr|cuneiform|cunei|vi-nom|bo-textonly"
            "|my|kanji|lang-inline|grc|greek|iast|iso 15919|asiantitle|phoneme|phone"
            "|ipalink2|ipa soundbox|hiero/text|sanskrit|urdu|devanagari",
        }
    ),
}  # fmt: skip
