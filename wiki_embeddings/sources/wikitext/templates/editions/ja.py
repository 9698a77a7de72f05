"""Templates of the Japanese Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.calendar_dates import make_date, years_between
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    constant,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.typography import keys


def death(arguments: Arguments) -> str:
    """`2000年1月1日(49歳没)`; the birth stands before the death."""
    parts = positional(arguments)[:6]
    born, died = parts[:3], parts[3:]
    if len(died) < 3:
        return ""
    dates = make_date(*born), make_date(*died)
    text = f"{died[0]}年{died[1].lstrip('0')}月{died[2].lstrip('0')}日"
    if dates[0] is None or dates[1] is None:
        return text
    return f"{text}({years_between(dates[0], dates[1])}歳没)"


def _year(arguments: Arguments) -> str:
    return f"{arguments['1'].removesuffix('年')}年" if arguments.get("1") else ""


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["生年月日と年齢", "生年月日", "年月日", "死亡年月日", "没年月日", "start date"],
        local_date("ja", "ymd"),
    ),
    **dict.fromkeys(
        ["没年齢", "死亡年月日と没年齢", "死亡年月日と年齢", "没年月日と没年齢"], death
    ),
    **dict.fromkeys(["行内引用", "引用", "引用文"], quotation),
    **dict.fromkeys(["by", "nfly", "年"], _year),
    "キー": keys,
    **dict.fromkeys(["r", "要出典", "アンカー", "要検証"], constant("")),
    **rows(
        {
            "{1}({2})": "ルビ|ruby2|読み仮名|読み仮名 ruby不使用|読み仮名_ruby不使用|読み|"
            "ふりがな|よみがな|振り仮名",
            "{label|1}": "仮リンク",
            "{1}": "補助漢字フォント|jis2004フォント|jis90フォント|要出典範囲|要検証範囲|旧字体|"
            "機種依存文字|"
            "縦書き|駅リンク|ウィキペディア内リンク|独自研究範囲|信頼性要検証範囲|半角|漢字|"
            "ルビ text|拡張漢字",
            "{1}円": "円",
            "{1}線": "路線",
        }
    ),
}
