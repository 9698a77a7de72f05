"""Writes the folder that TEI reads a model from: the checked files of the model, and no others.

TEI takes the longest input from `sentence_bert_config.json`, which sentence-transformers no longer
writes as TEI expects it. It prefers ONNX weights in the same folder, and it needs settings that
`config.json` may omit. It reads no other tokenizer than `tokenizer.json`. So it gets a separate
folder, with links to the weights.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from wiki_embeddings.encoders.models.json_files import CONFIG, TOKENIZER, TRANSFORMER_CONFIG
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import WEIGHTS_INDEX, weight_files

_HEADLESS = {
    "bert": "BertModel",
    "camembert": "CamembertModel",
    "roberta": "RobertaModel",
    "xlm-roberta": "XLMRobertaModel",
}
"""Architectures without a head, by `model_type`: TEI serves these even if the model was published
with a head."""


def write_model_folder(model: ResolvedModel) -> Path:
    """Write a folder for one server. The server's watchdog removes it."""
    folder = Path(tempfile.mkdtemp(prefix="tei-"))
    for file in (*weight_files(model.folder), model.folder / WEIGHTS_INDEX):
        if file.is_file():
            (folder / file.name).symlink_to(file.absolute())
    (folder / TOKENIZER).write_bytes(model.read_tokenizer())
    (folder / CONFIG).write_text(_config(model), encoding="utf-8")
    length = json.dumps({"max_seq_length": model.max_length})
    (folder / TRANSFORMER_CONFIG).write_text(length, encoding="utf-8")
    return folder


def _config(model: ResolvedModel) -> str:
    """Return the model's configuration with every setting that TEI requires."""
    defaults = {
        "hidden_act": "gelu",
        "layer_norm_eps": model.bert.layer_norm_eps if model.bert else 1e-12,
        "pad_token_id": model.special_tokens.pad,
        # Used in training only.
        "hidden_dropout_prob": 0.1,
        "initializer_range": 0.02,
    }
    config = json.loads((model.folder / CONFIG).read_text(encoding="utf-8"))
    if config.get("hidden_act") == "gelu_python":  # transformers' former name of the same
        config["hidden_act"] = "gelu"
    headless = _HEADLESS.get(config["model_type"])
    return json.dumps({**defaults, **config, **({"architectures": [headless]} if headless else {})})
