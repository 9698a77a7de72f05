from __future__ import annotations

import re

from wiki_embeddings.card import card
from wiki_embeddings_tests.card.cards import section, with_lengths


def test_the_lengths_of_passages_are_charted(vectors):
    text = section(card(with_lengths(vectors, [0, 5, 0, 0], [0, 5, 2, 3])), "Length of passages")
    assert "title included" in text
    (chart,) = re.findall(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert chart.splitlines() == [
        "  16–31  10  " + "█" * 40,
        "  32–47   2  " + "█" * 8,
        "    48+   3  " + "█" * 12,
    ]


def test_without_lengths_there_is_no_chart(vectors):
    assert "## Length of passages" in card(vectors)
    assert "## Length of passages" not in card(with_lengths(vectors, [0, 0], [0, 0]))
