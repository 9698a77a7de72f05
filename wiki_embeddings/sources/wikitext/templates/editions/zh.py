"""Templates of the Chinese Wikipedia."""

from __future__ import annotations

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


def birth_and_death(arguments: Arguments) -> str:
    """`1950年5月1日－2000年1月1日` for {{bd|1950年|5月1日|2000年|1月1日}}."""
    parts = positional(arguments)
    if len(parts) == 2 and parts[1][:1].isdigit():
        return "－".join(parts)
    parts = [*parts, "", "", "", ""][:4]
    born, died = "".join(parts[:2]), "".join(parts[2:])
    return f"{born}－{died}" if died else f"{born}－" if born else ""


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["bd", "生卒", "生卒年"], birth_and_death),
    **dict.fromkeys(
        [
            "生年",
            "出生日期",
            "出生日期及年齡",
            "出生日期及年龄",
            "出生日期和年龄",
            "逝世日期",
            "逝世日期及年齡",
            "死亡日期",
            "日期",
            "開始日期",
            "开始日期",
        ],
        local_date("zh", "ymd"),
    ),
    **dict.fromkeys(["引文", "引用", "古文"], quotation),
    **dict.fromkeys(["noteta", "错字", "anchor"], constant("")),
    **dict.fromkeys(["le", "link", "internal link helper", "interlink"], argument("3", "1")),
    **rows(
        {
            "{4|3|2}": "tsl|translink|translate link",
            "{1}": "僻字|生僻字|!|拼音|注音|黑体|小字|繁|简|jpn|日文|kai|楷体|來源請求範圍|"
            "sup text|專名|书名|專名號|私名号",
            "{1}年": "公元",
            "人民币{1}元": "人民币",
            "新臺幣{1}元": "新臺幣|新台幣",
        }
    ),
}
