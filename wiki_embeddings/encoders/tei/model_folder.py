"""The folder that TEI reads a model from: what was checked of the model, and nothing else.

TEI takes the longest input from `sentence_bert_config.json`, which sentence-transformers no longer
writes as TEI expects it, prefers ONNX weights that may lie in the same folder, and needs settings
that `config.json` may leave out. So it gets a folder of its own, in which the large files are
links.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from wiki_embeddings.encoders.models.json_files import CONFIG, TOKENIZER, TRANSFORMER_CONFIG
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import WEIGHTS


def write_model_folder(model: ResolvedModel) -> Path:
    """Makes a folder for one server; whoever keeps that server removes it."""
    folder = Path(tempfile.mkdtemp(prefix="tei-"))
    for name in (TOKENIZER, WEIGHTS):
        (folder / name).symlink_to((model.folder / name).absolute())
    (folder / CONFIG).write_text(_config(model), encoding="utf-8")
    length = json.dumps({"max_seq_length": model.max_length})
    (folder / TRANSFORMER_CONFIG).write_text(length, encoding="utf-8")
    return folder


def _config(model: ResolvedModel) -> str:
    """The model's configuration, with all that TEI insists on."""
    defaults = {
        "hidden_act": "gelu",
        "layer_norm_eps": model.bert.layer_norm_eps if model.bert else 1e-12,
        "pad_token_id": model.special_tokens.pad,
        # Used in training only.
        "hidden_dropout_prob": 0.1,
        "initializer_range": 0.02,
    }
    config = json.loads((model.folder / CONFIG).read_text(encoding="utf-8"))
    plain = _PLAIN.get(config["model_type"])
    return json.dumps({**defaults, **config, **({"architectures": [plain]} if plain else {})})


_PLAIN = {
    "bert": "BertModel",
    "camembert": "CamembertModel",
    "roberta": "RobertaModel",
    "xlm-roberta": "XLMRobertaModel",
}
"""Names of the encoders without a head, as which TEI is to serve one that was published with it."""
