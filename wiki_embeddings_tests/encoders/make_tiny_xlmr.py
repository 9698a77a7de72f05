"""Makes the tiny XLM-R of the tests and its reference vectors with sentence-transformers.

    .venv-bench/bin/pip install sentencepiece protobuf
    .venv-bench/bin/python -m wiki_embeddings_tests.encoders.make_tiny_xlmr

Writes, into `wiki_embeddings_tests/fixtures/encoders/`:

    tiny_xlmr/          a random XLM-R with mean pooling and prompts; its tokenizer is compressed
    tiny_xlmr.npz       its vectors of `texts.json`, as queries and as passages

The tokenizer is built like multilingual-e5's: a Unigram model by SentencePiece with `nmt_nfkc`,
whose character table it contains, with repeated spaces joined and `Metaspace` as the only
pre-tokenizer. It is trained on `texts.json` and the sentences below, which were written for this.
"""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import sentencepiece  # type: ignore[import-not-found]
import torch
from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]
from sentence_transformers.base.modules import Transformer  # type: ignore[import-not-found]
from sentence_transformers.sentence_transformer.modules import (  # type: ignore[import-not-found]
    Normalize,
    Pooling,
)
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import (  # type: ignore[import-not-found]
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from wiki_embeddings_tests.encoders.references import FIXTURES, reference_texts

FOLDER = FIXTURES / "tiny_xlmr"

POSITIONS = 258
"""Rows of position embeddings, the first two of which XLM-R reserves for padding."""

SENTENCES = """
Snow lies on the mountains until June, and the rivers run high when it melts.
The library is open from nine to five; on Sundays it is closed.
Der Schnee auf den Bergen schmilzt im Juni, und die Flüsse führen Hochwasser.
La neige fond au mois de juin et les rivières débordent quelquefois.
La nieve de las montañas se derrite en junio y los ríos crecen.
Снег в горах тает в июне, и вода в реках поднимается.
Το χιόνι στα βουνά λιώνει τον Ιούνιο και τα ποτάμια φουσκώνουν.
山上的雪到六月才融化，河水因此上涨。图书馆每天九点开门，五点关门，星期天不开门。
雪融化以后，山上的水流进河里，河水流进大海。大海很远，山很高。
山の雪は六月に溶けて、川の水が増える。図書館は九時に開き、五時に閉まる。
雪が溶けると、山の水は川に流れ、川の水は海に流れる。海は遠く、山は高い。
หิมะบนภูเขาละลายในเดือนมิถุนายนและน้ำในแม่น้ำก็สูงขึ้น
ห้องสมุดเปิดเก้าโมงเช้าและปิดห้าโมงเย็น วันอาทิตย์ห้องสมุดไม่เปิด
पहाड़ों की बर्फ़ जून में पिघलती है और नदियों का पानी बढ़ता है।
يذوب ثلج الجبال في شهر يونيو فترتفع مياه الأنهار.
산의 눈은 유월에 녹고 강물이 불어난다. 도서관은 아홉 시에 연다.
"""


def tokenizer() -> Tokenizer:
    """Train the tokenizer; the same texts give the same one."""
    texts = [text.replace("\n", " ") for text in reference_texts()]
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*texts, *SENTENCES.split("\n") * 3]),
        model_writer=trained,
        vocab_size=900,
        hard_vocab_limit=False,
        model_type="unigram",
        normalization_rule_name="nmt_nfkc",
        character_coverage=1.0,
    )
    proto = sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(piece.piece, piece.score) for piece in proto.pieces[3:]]
    vocabulary = [*((name, 0.0) for name in specials), *pieces, ("<mask>", 0.0)]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=specials.index("<unk>")))
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always")
    backend.decoder = decoders.Metaspace("▁", "always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, specials.index(name)) for name in ("<s>", "</s>")],
    )
    backend.add_special_tokens([AddedToken(name, normalized=False) for name in specials])
    backend.add_special_tokens([AddedToken("<mask>", normalized=False, lstrip=True)])
    return backend


def transformer(vocab_size: int) -> XLMRobertaModel:
    """Return a random XLM-R with weights so large that different tokens have different vectors."""
    torch.manual_seed(20261123)
    config = XLMRobertaConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
    )
    model = XLMRobertaModel(config, add_pooling_layer=False)
    for name, parameter in model.named_parameters():
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        torch.nn.init.normal_(parameter, mean=middle, std=0.25)
    return model


def save_model(folder: Path) -> None:
    """Save the model in the format of sentence-transformers."""
    backend = tokenizer()
    names = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>"}
    names |= {name: f"<{name}>" for name in ("pad", "unk", "mask")}
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=POSITIONS - 2,
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(folder)
    transformer(backend.get_vocab_size()).save_pretrained(folder)
    modules = [Transformer(str(folder)), Pooling(32, "mean"), Normalize()]
    prompts = {"query": "query: ", "document": "passage: "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(
        str(folder), create_model_card=False
    )
    backend.save(str(folder / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config["tokenizer_class"] = "XLMRobertaTokenizer"
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def main() -> None:
    """Write the fixtures."""
    torch.set_grad_enabled(False)
    save_model(FOLDER)
    model = SentenceTransformer(str(FOLDER), device="cpu")
    texts = reference_texts()
    np.savez_compressed(
        FIXTURES / "tiny_xlmr.npz",
        queries=model.encode_query(texts),
        passages=model.encode_document(texts),
    )
    plain = FOLDER / "tokenizer.json"
    compressed = gzip.compress(plain.read_bytes(), mtime=0)
    (FOLDER / "tokenizer.json.gz").write_bytes(compressed)
    plain.unlink()


if __name__ == "__main__":
    main()
