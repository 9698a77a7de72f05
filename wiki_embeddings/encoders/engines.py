"""The table of engines: what each computes in, and how to load it. Importing it loads none.

A new engine is a row here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from wiki_embeddings.encoders.cpu.processor import default_precision, find_bfloat16_problem
from wiki_embeddings.encoders.cuda.gpu import find_gpu_problem
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import Encoder, EncoderInfo, Precision
from wiki_embeddings.errors import BadInputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """A way to compute vectors.

    Attributes:
        precisions: Number formats that it can compute in.
        default_precision: The one it takes by default for a model with this many dimensions.
        runtime: Returns its library and version for a precision, None for the default one; raises
            `BadInputError` if it cannot run here.
        load: Loads a model. The last argument is the number of cores to use, None for all.
        shards_in_hand: Shards that a process of this machine works on at once, so that others are
            read, checked or written while one is computed.
    """

    precisions: tuple[Precision, ...]
    default_precision: Callable[[int], Precision]
    runtime: Callable[[Precision | None], str]
    load: Callable[[ResolvedModel, EncoderInfo, int | None], Encoder]
    shards_in_hand: int


def select(name: str) -> str:
    """Return the engine for a name: for `auto` the fastest one here, else the name itself.

    Raises:
        BadInputError: There is no engine of that name, or it is `auto` and this machine has a GPU
            that should work and does not.
    """
    if name == AUTO:
        return _fastest()
    if name not in TABLE:
        known = ", ".join((AUTO, *TABLE))
        raise BadInputError(f"There is no engine {name!r}. Choose one of: {known}.")
    return name


def check_precision(engine: str, precision: str | None) -> Precision | None:
    """Return the precision; None if none was given.

    Raises:
        BadInputError: The engine does not compute in it.
    """
    precisions = TABLE[engine].precisions
    if precision not in {None, *precisions}:
        listed = " or ".join(precisions)
        raise BadInputError(f"The engine {engine} computes in {listed}, not in {precision!r}.")
    return precision


def _fastest() -> str:
    problem = find_gpu_problem()
    if problem is None:
        return "cuda"
    if problem.is_fault:
        raise BadInputError(
            "The engine auto would leave this machine's GPU unused and take many times as long. "
            f"{problem.reason} To compute on the processor anyway, choose the engine cpu."
        )
    log.info("The engine auto is cpu here. %s", problem.reason)
    return "cpu"


def _cpu(precision: Precision | None) -> str:
    library = "openvino" if precision == "bfloat16" else "onnxruntime"
    if library == "openvino" and (problem := find_bfloat16_problem()):
        raise BadInputError(f"The engine cpu cannot compute in bfloat16 here. {problem}")
    return f"{library} {version(library)}"


def _load_cpu(model: ResolvedModel, info: EncoderInfo, threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.cpu.encoder import CpuEncoder  # loads ONNX Runtime

    return CpuEncoder(model, info, threads)


def _torch(_precision: Precision | None) -> str:
    if problem := find_gpu_problem():
        raise BadInputError(f"The engine cuda cannot run here. {problem.reason}")
    release, _, _ = version("torch").partition("+")  # the rest names the build, not the release
    return f"torch {release}"


def _load_cuda(model: ResolvedModel, info: EncoderInfo, _threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.cuda.encoder import CudaEncoder  # loads PyTorch

    return CudaEncoder(model, info)


def _tei(_precision: Precision | None) -> str:
    from wiki_embeddings.encoders import tei

    return tei.runtime()


def _load_tei(model: ResolvedModel, info: EncoderInfo, _threads: int | None) -> Encoder:
    from wiki_embeddings.encoders.tei import TeiEncoder

    return TeiEncoder(model, info)


TEI = "tei"
"""The only engine for architectures that this project does not compute itself."""

AUTO = "auto"
"""The fastest engine of this machine; never `tei`, which is there for comparison."""

TABLE: Mapping[str, Engine] = {
    "cpu": Engine(
        ("float32", "bfloat16", "int8"),
        default_precision,
        _cpu,
        _load_cpu,
        shards_in_hand=1,  # it uses every core, and a shard takes minutes
    ),
    "cuda": Engine(
        ("float16",), lambda _dimensions: "float16", _torch, _load_cuda, shards_in_hand=4
    ),
    TEI: Engine(("float16",), lambda _dimensions: "float16", _tei, _load_tei, shards_in_hand=2),
}
