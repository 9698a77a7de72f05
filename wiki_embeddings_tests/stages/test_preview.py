from __future__ import annotations

from wiki_embeddings.stages.preview import shortened


def test_a_text_is_shown_on_one_short_line():
    assert shortened("two\n words") == "two words"
    assert len(shortened("word " * 100)) == 80
