"""The table of engines: what each computes with, and how to load it. Importing it loads none.

A new engine is a row here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from wiki_embeddings.encoders.cpu.processor import fastest_precision
from wiki_embeddings.encoders.cuda.gpu import lack_of_gpu
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import Encoder, EncoderInfo, Precision
from wiki_embeddings.errors import BadInputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """A way to compute vectors.

    Attributes:
        precisions: Numbers that it can compute with.
        precision: Those that it takes of itself, for a model of so many dimensions.
        runtime: Names its library and version; raises `BadInputError` where it cannot run.
        load: Loads a model. Its last argument is the number of cores to use, None for all.
    """

    precisions: tuple[Precision, ...]
    precision: Callable[[int], Precision]
    runtime: Callable[[], str]
    load: Callable[[ResolvedModel, EncoderInfo, int | None], Encoder]


def chosen(name: str) -> str:
    """The engine that a name means here: for `auto` the fastest one, else itself.

    Raises:
        BadInputError: There is no engine of that name; or it is `auto`, and this machine has a GPU
            that should work and does not.
    """
    if name == AUTO:
        return _fastest()
    if name not in TABLE:
        known = ", ".join((AUTO, *TABLE))
        raise BadInputError(f"There is no engine {name!r}. Choose one of: {known}.")
    return name


def _fastest() -> str:
    lack = lack_of_gpu()
    if lack is None:
        return "cuda"
    if lack.is_fault:
        raise BadInputError(
            "The engine auto would leave the GPU of this machine unused and take many times as "
            f"long. {lack.reason} To compute on the processor all the same, choose the engine cpu."
        )
    log.info("The engine auto is cpu here. %s", lack.reason)
    return "cpu"


def _onnxruntime() -> str:
    return f"onnxruntime {version('onnxruntime')}"


def _load_cpu(model: ResolvedModel, info: EncoderInfo, threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.cpu.encoder import CpuEncoder  # loads ONNX Runtime

    return CpuEncoder(model, info, threads)


def _torch() -> str:
    if lack := lack_of_gpu():
        raise BadInputError(f"The engine cuda cannot run here. {lack.reason}")
    release, _, _ = version("torch").partition("+")  # what follows says where the build is from
    return f"torch {release}"


def _load_cuda(model: ResolvedModel, info: EncoderInfo, _threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.cuda.encoder import CudaEncoder  # loads PyTorch

    return CudaEncoder(model, info)


def _tei() -> str:
    from wiki_embeddings.encoders import tei

    return tei.runtime()


def _load_tei(model: ResolvedModel, info: EncoderInfo, _threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.tei import TeiEncoder

    return TeiEncoder(model, info)


def _half(_dimensions: int) -> Precision:
    return "float16"


TEI = "tei"
"""The one that also computes transformers that we do not."""

AUTO = "auto"
"""Stands for the fastest engine of this machine; never for `tei`, which is there to compare."""

TABLE: Mapping[str, Engine] = {
    "cpu": Engine(("float32", "int8"), fastest_precision, _onnxruntime, _load_cpu),
    "cuda": Engine(("float16",), _half, _torch, _load_cuda),
    TEI: Engine(("float16",), _half, _tei, _load_tei),
}
