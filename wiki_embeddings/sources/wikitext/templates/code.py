"""Templates that show program code, wikitext or a template's name."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.markers import LINE_BREAK, protect
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    last,
    positional,
)

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{2,6}")


def code(arguments: Arguments) -> str:
    """Program code as it is written."""
    return protect(argument("1", "code", "text")(arguments))


def template_call(arguments: Arguments) -> str:
    """`{{quote|text}}` for {{tlx|quote|text}}."""
    return protect("{{" + "|".join(positional(arguments)) + "}}") if arguments.get("1") else ""


def template_name(arguments: Arguments) -> str:
    """`{{quote}}` for {{tl|quote}}."""
    return protect("{{" + arguments["1"] + "}}") if arguments.get("1") else ""


def parameter(arguments: Arguments) -> str:
    """`|name=value`."""
    name, value = [*positional(arguments), "", ""][:2]
    return protect(f"|{name}={value}" if name else f"|{value}")


def tag(arguments: Arguments) -> str:
    """`<ref>...</ref>` for {{tag|ref}}; `<br>` for the kind `single`, `</b>` for `close`."""
    name, kind = [*positional(arguments), "", ""][:2]
    content = arguments.get("content", "...")
    shown = {
        "open": f"<{name}>", "o": f"<{name}>", "s": f"<{name}>", "single": f"<{name}>",
        "close": f"</{name}>", "c": f"</{name}>",
    }  # fmt: skip
    return protect(shown.get(kind, f"<{name}>{content}</{name}>")) if name else ""


def character(arguments: Arguments) -> str:
    """`U+00A9 © COPYRIGHT SIGN`."""
    code_point, name = [*positional(arguments), "", ""][:2]
    if not _HEXADECIMAL.fullmatch(code_point) or int(code_point, 16) < ord(" "):
        return ""
    shown = chr(int(code_point, 16)) if 0x20 < int(code_point, 16) < 0xD800 else ""
    return " ".join(filter(None, [f"U+{code_point}", protect(shown), name]))


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["code", "codett", "tt", "mono code", "inline code", "c++", "python"], code),
    **dict.fromkeys(
        ["tl", "tlc template", "tlg", "tlu", "template link", "tls", "template"], template_name
    ),
    **dict.fromkeys(["tlx", "tlp", "tlc", "tnull", "tlb", "template link expanded"], template_call),
    **dict.fromkeys(["para", "parameter"], parameter),
    **dict.fromkeys(["tag", "xtag", "html element", "htag"], tag),
    "unichar": character,
    "u+": lambda arguments: f"U+{arguments['1']}" if arguments.get("1") else "",
    "pre2": last,
    **dict.fromkeys(["pre", "codeblock"], lambda a: f"{LINE_BREAK}{code(a)}{LINE_BREAK}"),
}
