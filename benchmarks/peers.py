"""Other encoders for a CPU, each prepared to encode the same texts as ours.

Each runs with the settings that suit it and cost little effort: batches of 16 sorted by length, and
both cores. A peer whose package is missing raises `ImportError`. Their telemetry is off.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from wiki_embeddings.encoders.cpu.onnx_runtime import ort
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import Vectors
from wiki_embeddings.host import usable_cores

Encode = Callable[[Sequence[str]], Vectors]

Arrays = dict[str, npt.NDArray[np.int64]]
"""The inputs of BERT for a batch: `input_ids`, `attention_mask` and `token_type_ids`."""

# OpenVINO and NNCF send nothing if they cannot import this; None makes Python refuse the import.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

_BATCH = 16
_CALIBRATION_BATCHES = 20


def sentence_transformers(model: ResolvedModel) -> Encode:
    """sentence-transformers with its defaults: PyTorch in float32."""
    from sentence_transformers import (  # type: ignore[import-not-found]  # only in .venv-bench
        SentenceTransformer,
    )

    encoder = SentenceTransformer(str(model.folder), device="cpu")
    return lambda texts: np.asarray(encoder.encode(list(texts), show_progress_bar=False))


def sentence_transformers_bfloat16(model: ResolvedModel) -> Encode:
    """The same in bfloat16, which recent processors are fast at; batches as they come."""
    import torch
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(
        str(model.folder), device="cpu", model_kwargs={"dtype": torch.bfloat16}
    )

    def encode(texts: Sequence[str]) -> Vectors:
        vectors = encoder.encode(list(texts), show_progress_bar=False, convert_to_tensor=True)
        floats = np.asarray(vectors.float())
        return np.asarray(floats / np.linalg.norm(floats, axis=1, keepdims=True))

    return encode


def onnxruntime_float32(model: ResolvedModel) -> Encode:
    """ONNX Runtime on the exported model."""
    return _onnxruntime(model, _export(model))


def onnxruntime_int8(model: ResolvedModel) -> Encode:
    """ONNX Runtime on the exported model with its own dynamic quantization."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    file = _export(model).with_name("int8.onnx")
    # 7 bits without VNNI, as its documentation recommends.
    quantize_dynamic(
        _export(model), file, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
    )
    return _onnxruntime(model, file)


def ctranslate2_int8(model: ResolvedModel) -> Encode:
    """CTranslate2 with int8 weights, one core per batch."""
    import ctranslate2  # type: ignore[import-not-found]  # only in .venv-bench

    folder = Path(tempfile.mkdtemp()) / "ctranslate2"
    converter = ctranslate2.converters.TransformersConverter(str(model.folder))
    converter.convert(str(folder), quantization="int8")
    encoder = ctranslate2.Encoder(
        str(folder), "cpu", compute_type="int8", inter_threads=usable_cores(), intra_threads=1
    )

    def hidden(batch: Arrays) -> npt.NDArray[np.float32]:
        ids = [
            row[:length].tolist()
            for row, length in zip(
                batch["input_ids"], batch["attention_mask"].sum(axis=1), strict=True
            )
        ]
        return np.asarray(encoder.forward_batch(ids).last_hidden_state)

    return _encode(model, hidden)


def openvino_float32(model: ResolvedModel) -> Encode:
    """OpenVINO on the exported model, one stream per core."""
    return _openvino(model, _openvino_model(model))


def openvino_bfloat16(model: ResolvedModel) -> Encode:
    """The same in bfloat16, by one setting; faster than float32 only with AMX or AVX-512 BF16."""
    return _openvino(model, _openvino_model(model), "bf16")


def openvino_int8(model: ResolvedModel) -> Encode:
    """OpenVINO on the exported model with NNCF's quantization, calibrated on our texts."""
    import nncf  # type: ignore[import-not-found]  # only in .venv-bench

    from wiki_embeddings.encoders.cpu.calibration_texts import CALIBRATION_TEXTS

    batches = [batch for _, batch in _batches(model, CALIBRATION_TEXTS[:-1], 1)]
    quantized = nncf.quantize(
        _openvino_model(model),
        nncf.Dataset(batches[:_CALIBRATION_BATCHES]),
        model_type=nncf.ModelType.TRANSFORMER,
    )
    return _openvino(model, quantized)


PEERS: dict[str, Callable[[ResolvedModel], Encode]] = {
    "sentence-transformers": sentence_transformers,
    "sentence-transformers bfloat16": sentence_transformers_bfloat16,
    "ONNX Runtime float32": onnxruntime_float32,
    "ONNX Runtime int8": onnxruntime_int8,
    "CTranslate2 int8": ctranslate2_int8,
    "OpenVINO float32": openvino_float32,
    "OpenVINO bfloat16": openvino_bfloat16,
    "OpenVINO int8 (NNCF)": openvino_int8,
}


def _onnxruntime(model: ResolvedModel, file: Path) -> Encode:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # two batches at once are faster than two threads in one
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return _encode(model, lambda batch: session.run(None, batch)[0])


def _openvino_model(model: ResolvedModel) -> Any:
    import openvino as ov

    return ov.Core().read_model(_export(model))


def _openvino(model: ResolvedModel, graph: Any, precision: str = "f32") -> Encode:
    import openvino as ov

    settings = {"NUM_STREAMS": str(usable_cores()), "INFERENCE_PRECISION_HINT": precision}
    compiled = ov.Core().compile_model(graph, "CPU", settings)

    def hidden(batch: Arrays) -> npt.NDArray[np.float32]:
        return np.asarray(compiled.create_infer_request().infer(batch)[0])

    return _encode(model, hidden)


@cache
def _export(model: ResolvedModel) -> Path:
    """Export transformers' version of the model to ONNX with PyTorch."""
    import torch
    from transformers import AutoModel  # type: ignore[import-not-found]  # only in .venv-bench

    class HiddenStates(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
        """BERT with positional inputs and one output, as the export requires."""

        def __init__(self) -> None:
            super().__init__()
            self.bert = AutoModel.from_pretrained(model.folder, attn_implementation="eager")

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            return self.bert(
                input_ids=ids, attention_mask=mask, token_type_ids=types
            ).last_hidden_state

    file = Path(tempfile.mkdtemp()) / "model.onnx"
    _, example = next(_batches(model, ["one text", "another text, which is longer"], 2))
    axes = {0: "batch", 1: "length"}
    torch.onnx.export(
        HiddenStates().eval(),
        tuple(torch.from_numpy(example[name]) for name in example),
        file,
        input_names=list(example),
        output_names=["hidden"],
        dynamic_axes=dict.fromkeys([*example, "hidden"], axes),
        dynamo=False,
    )
    return file


def _encode(model: ResolvedModel, hidden: Callable[[Arrays], npt.NDArray[np.float32]]) -> Encode:
    """Return an encoder that computes one batch per core and pools by mean."""

    def vectors(batch: Arrays) -> Vectors:
        mask = batch["attention_mask"][..., np.newaxis].astype(np.float32)
        total = (hidden(batch) * mask).sum(axis=1)
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))

    def encode(texts: Sequence[str]) -> Vectors:
        result = np.empty((len(texts), model.dimensions), dtype=np.float32)
        batches = list(_batches(model, texts, _BATCH))
        with ThreadPoolExecutor(usable_cores()) as executor:
            done = executor.map(vectors, [batch for _, batch in batches])
            for (rows, _), part in zip(batches, done, strict=True):
                result[rows] = part
        return result

    return encode


def _batches(
    model: ResolvedModel, texts: Sequence[str], size: int
) -> Iterator[tuple[npt.NDArray[np.int64], Arrays]]:
    """Yield the indices of texts of similar length, and their tokens."""
    tokenizer = Tokenizer.from_buffer(model.read_tokenizer())
    tokenizer.enable_truncation(model.max_length)
    tokenizer.enable_padding()
    order = np.argsort([-len(text) for text in texts], kind="stable")
    for begin in range(0, len(texts), size):
        rows = order[begin : begin + size]
        encodings = tokenizer.encode_batch([texts[row] for row in rows])
        yield (
            rows,
            {
                "input_ids": np.array([encoding.ids for encoding in encodings]),
                "attention_mask": np.array([encoding.attention_mask for encoding in encodings]),
                "token_type_ids": np.array([encoding.type_ids for encoding in encodings]),
            },
        )
