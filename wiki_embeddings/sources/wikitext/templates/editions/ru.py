"""Templates of the Russian and of the Ukrainian Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits, superscript
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.mathematics import fraction
from wiki_embeddings.sources.wikitext.templates.typography import quoted

ABBREVIATIONS = {
    "ar": "араб.", "az": "азерб.", "be": "белор.", "bg": "болг.", "cs": "чеш.", "da": "дат.",
    "de": "нем.", "el": "греч.", "en": "англ.", "eo": "эспер.", "es": "исп.", "et": "эст.",
    "fa": "перс.", "fi": "фин.", "fr": "фр.", "grc": "др.-греч.", "he": "ивр.", "hi": "хинди",
    "hr": "хорв.", "hu": "венг.", "hy": "арм.", "it": "итал.", "ja": "яп.", "ka": "груз.",
    "kk": "каз.", "ko": "кор.", "la": "лат.", "lt": "лит.", "lv": "латыш.", "mn": "монг.",
    "nl": "нидерл.", "no": "норв.", "pl": "польск.", "pt": "порт.", "ro": "рум.", "ru": "рус.",
    "sa": "санскр.", "sk": "словацк.", "sl": "словен.", "sr": "серб.", "sv": "швед.", "tr": "тур.",
    "tt": "тат.", "uk": "укр.", "uz": "узб.", "vi": "вьетн.", "zh": "кит.",
}  # fmt: skip
"""What {{lang-en|…}} and its like put before the text."""

UKRAINIAN_ABBREVIATIONS = ABBREVIATIONS | {
    "be": "біл.", "de": "нім.", "en": "англ.", "es": "ісп.", "el": "грец.", "grc": "дав.-гр.",
    "it": "італ.", "pl": "пол.", "ru": "рос.", "uk": "укр.", "nl": "нід.", "hy": "вірм.",
}  # fmt: skip


def old_and_new_style(arguments: Arguments) -> str:
    """`21 ноября (3 декабря) 1857`."""
    day, month, year, old_day, old_month = [*positional(arguments), *[""] * 5][:5]
    if not old_day:
        return " ".join(filter(None, [day, month, year]))
    if not old_month or old_month == month:
        return f"{old_day} ({day}) {month} {year}".strip()
    return f"{old_day} {old_month} ({day} {month}) {year}".strip()


def untranslated(arguments: Arguments) -> str:
    """The text of a link to an article that only another edition has."""
    return argument("2", "1")(arguments)


def number(arguments: Arguments) -> str:
    """`12 345`."""
    return group_digits(argument("1")(arguments), "ru")


def power_of_ten(arguments: Arguments) -> str:
    """`·10⁵`."""
    exponent = argument("1")(arguments)
    return f"·10{superscript(exponent)}" if exponent else "e"


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        [
            "дата рождения",
            "дата смерти",
            "дата",
            "дата рождения и возраст",
            "род",
            "умер",
            "дата начала",
            "сс",
            "сс3",
            "сс2",
            "датарождения",
        ],
        local_date("ru", "dmy"),
    ),
    **dict.fromkeys(
        ["дата народження", "дата смерті", "дата народження та вік", "дн", "дс"],
        local_date("uk", "dmy"),
    ),
    "oldstyledate": old_and_new_style,
    "юлианский календарь": old_and_new_style,
    **dict.fromkeys(
        [
            "нп",
            "нп1",
            "нп2",
            "нп3",
            "нп4",
            "нп5",
            "не переведено",
            "не переведено 2",
            "не переведено 3",
            "не переведено 5",
            "iw",
            "не перекладено",
            "треба перекласти",
        ],
        untranslated,
    ),
    **dict.fromkeys(["число", "num", "чис"], number),
    **dict.fromkeys(["цитата", "цитата текст", "вірш", "стих", "стихотворение"], quotation),
    **dict.fromkeys(["кавычки", "«"], quoted("«", "»")),
    **dict.fromkeys(["дробь", "дріб"], fraction),
    "e": power_of_ten,
    **dict.fromkeys(
        ["флаг", "якорь", "якір", "флаг россии", "флагифик", "нет аи", "прапор"], constant("")
    ),
    **dict.fromkeys(["рубль", "знак рубля"], constant("₽")),
    **dict.fromkeys(["до н. э.", "до н.э."], constant("до н. э.")),
    **dict.fromkeys(["н. э.", "н.э."], constant("н. э.")),
    **dict.fromkeys(["тире", "—"], constant(" — ")),
    **rows(
        {
            "{1}": "s|nobr|nobr2|флагификация|бс|ударение|подст:ударение|прапорифікація|иврит|"
            "арабский|"
            "год|комментарий текст|мелкий|нпс|кс|капитель|неразрывный|китайский|японский|пр",
            "{2|1}": "аббр|тс|abbr2|комм|перевод",
            "{1} год": "гдр",
            "${1}": "доллар|$",
            "€{1}": "евро",
            "{1} ₽": "руб",
            "№ {1}": "номер",
            "[{1} ]км²": "км²|кв. км",
        }
    ),
}
