"""Makes the reference vectors of the encoders' tests with sentence-transformers.

    .venv-bench/bin/python -m benchmarks.reference_vectors

Writes, into `wiki_embeddings_tests/fixtures/encoders/`:

    texts.json          texts of many lengths and scripts
    minilm.npz          their vectors by all-MiniLM-L6-v2 (mean pooling)
    tiny_cls/           a random BERT of another size, with [CLS] pooling and prompts
    tiny_cls.npz        its vectors of the same texts, as queries and as passages
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import (  # type: ignore[import-not-found]
    SentenceTransformer,
)
from sentence_transformers.base.modules import Transformer  # type: ignore[import-not-found]
from sentence_transformers.sentence_transformer.modules import (  # type: ignore[import-not-found]
    Normalize,
    Pooling,
)
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (  # type: ignore[import-not-found]
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
)

from wiki_embeddings.bundled import bundled_model

FIXTURES = Path("wiki_embeddings_tests/fixtures/encoders")

PROSE = """
Fresh snow throws back most of the sunlight that falls on it, which is why a clear winter day can
hurt the eyes. The share that a surface reflects is called its albedo: close to nine tenths for new
snow, less than a tenth for the open sea. When ice melts, dark water takes its place, more warmth
stays, and yet more ice melts. Sailors who overwintered in the far north knew the glare well; they
cut slits into strips of wood and bound them before their eyes. A forest in leaf is darker than a
meadow, a desert brighter than both. From orbit the planet's brightness is measured every day, and
the figures are compared with those of earlier decades: 29.1 %, 28.9 %, 29.3 %. Old poems speak of
other lights. At Troy, so the story goes, Hector stepped out before the Scaean gate, waited for
Achilles, and lost heart; three times they ran round the walls. Neither the poet nor his listeners
had seen the war. What they had were formulas, "swift-footed", "of the shining helmet", that fitted
the metre and could be joined as a mason joins stones. In 1930 a young scholar recorded singers in
the villages of the Balkans, who made up epics of thousands of lines in just that way. Whoever
wants to study how ideas change must read more than one book: anarchists quarrelled with socialists
over the state, chemists with physicists over the atom (was it real, or a useful fiction?), and
doctors with one another over nearly everything. Some of the quarrels ended because somebody
measured; others because those who had quarrelled died. "Science advances one funeral at a time,"
is a saying ascribed to Max Planck, who put it less well and at greater length.
"""

ODD_TEXTS = [
    "",
    " ",
    "\n\t ",
    ".",
    "snow",
    "Antidisestablishmentarianism",
    "x" * 99,
    "x" * 101,
    "?!… — “quotes” ‘and’ dashes – 100 % § 4",
    "雪反射大部分阳光。",
    "赫克托耳在特洛伊城下战死，诗人们传唱了三千年。",
    "特洛伊 Troy 特洛伊 Troy",
    "新しい雪は日光のほとんどを反射する。",
    "갓 내린 눈은 햇빛을 대부분 반사한다.",
    "يعكس الثلج الطازج معظم ضوء الشمس.",
    "שלג טרי מחזיר את רוב אור השמש.",
    "Свежий снег отражает большую часть солнечного света.",
    "Ο Έκτορας έπεσε στην Τροία.",
    "ताज़ी बर्फ अधिकांश धूप को परावर्तित करती है।",
    "❄️☀️😎",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈",
    "naïve café Ångström İstanbul Straße",
    "e\u0301 a\u0308 combining",
    "zero\u200bwidth\u00a0and\u2028lines",
    "control\x00characters\x07here",
    "[SEP] [MASK] [CLS] literally",
    "E = mc² and x₁ ≤ x₂ → ∞",
    "https://en.wikipedia.org/wiki/Albedo?action=raw&x=1#top",
    "def albedo(snow):\n    return 0.9 if snow.fresh else 0.6\n",
    "SHOUTING IN CAPITALS ABOUT SNOW",
]

WORD_COUNTS = [*range(2, 14), 16, 19, 23, 28, 34, 41, 50, 61, 74, 90, 110, 135, 165, 200, 240, 280]

TOKEN_COUNTS = (61, 62, 63, 253, 254, 255, 300, 1000)
"""Around the limits of the two models: 62 and 254 tokens besides the special tokens."""


def reference_texts() -> list[str]:
    """Return texts with no tokens, one, several, exactly as many as fit, and more."""
    words = PROSE.split()
    prose = [
        " ".join(words[(7 * number) % 40 :][:count]) for number, count in enumerate(WORD_COUNTS)
    ]
    return [*ODD_TEXTS, *prose, *(" ".join(["snow"] * count) for count in TOKEN_COUNTS)]


def tiny_tokenizer() -> Tokenizer:
    """Return a WordPiece tokenizer with a small vocabulary."""
    characters = sorted(
        {letter for letter in PROSE.lower() if not letter.isspace()} | set("雪特伊снег☀")
    )
    words = sorted({word.strip(".,;:?!\"'()").lower() for word in PROSE.split()})[::4]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    continuing = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    tokens = dict.fromkeys([*specials, *characters, *continuing, "query", "passage", *words])
    vocabulary = {token: number for number, token in enumerate(tokens) if token}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def tiny_bert(vocab_size: int) -> BertModel:
    """Return a BERT with random weights, large enough that texts have different vectors."""
    torch.manual_seed(20261122)
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=80,
        max_position_embeddings=64,
        layer_norm_eps=1e-6,
    )
    bert = BertModel(config)
    for name, parameter in bert.named_parameters():
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        torch.nn.init.normal_(parameter, mean=middle, std=0.25)
    return bert


def save_tiny_model(folder: Path) -> None:
    """Save the tiny model in the format of sentence-transformers."""
    tokenizer = tiny_tokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    ).save_pretrained(folder)
    tiny_bert(tokenizer.get_vocab_size()).save_pretrained(folder)
    modules = [Transformer(str(folder)), Pooling(48, "cls"), Normalize()]
    prompts = {"query": "query: ", "document": "passage: "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(
        str(folder), create_model_card=False
    )


def main() -> None:
    """Write all fixtures."""
    torch.set_grad_enabled(False)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    texts = reference_texts()
    (FIXTURES / "texts.json").write_text(
        json.dumps(texts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    minilm = SentenceTransformer(str(bundled_model()), device="cpu")
    np.savez_compressed(FIXTURES / "minilm.npz", texts=minilm.encode(texts))
    save_tiny_model(FIXTURES / "tiny_cls")
    tiny = SentenceTransformer(str(FIXTURES / "tiny_cls"), device="cpu")
    np.savez_compressed(
        FIXTURES / "tiny_cls.npz",
        queries=tiny.encode_query(texts),
        passages=tiny.encode_document(texts),
    )
    print(f"{len(texts)} texts encoded by both models into {FIXTURES}.")


if __name__ == "__main__":
    main()
