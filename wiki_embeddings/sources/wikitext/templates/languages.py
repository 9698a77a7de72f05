"""Templates for words of other languages, and for names of languages."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    joined,
    last,
    positional,
)

LANGUAGES = {
    "aln": "Gheg Albanian",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "ber": "Berber",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "grc": "Ancient Greek",
    "grc-gre": "Greek",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "la": "Latin",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mt": "Maltese",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "rus": "Russian",
    "sk": "Slovak",
    "sq": "Albanian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "zh": "Chinese",
}


def foreign_text(code: str) -> Expansion:
    """Show text of a language with the language's name: `Greek: Ἀριστοτέλης`."""
    name = LANGUAGES.get(code)

    def expand(arguments: Arguments) -> str:
        text = arguments.get("1", "")
        return f"{name}: {text}" if name and text else text

    return expand


def nihongo(arguments: Arguments) -> str:
    """`headquarters (本部道場, honbu dōjō)`."""
    english, *japanese = [*positional(arguments)[:4], ""]
    written = ", ".join(filter(None, japanese))
    return f"{english} ({written})".strip() if written else english


def interlanguage_link(arguments: Arguments) -> str:
    """The article's name, before or after the language that has it: `{{ill|Name|de}}`."""
    first, second = [*positional(arguments), "", ""][:2]
    return second if len(first) in {2, 3} and first.islower() and second else first


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["lang", "native name", "rtl-lang", "script", "script/arabic", "transl", "transliteration"],
        last,
    ),
    "angbr": lambda arguments: f"⟨{argument('1')(arguments)}⟩",
    "ill": interlanguage_link,
    **dict.fromkeys(["ipa", "ipalink", "ipaslink"], argument("1")),
    "linktext": joined(" "),
    "nihongo": nihongo,
    "sic": lambda arguments: f"{joined('')(arguments)} [sic]",
}
