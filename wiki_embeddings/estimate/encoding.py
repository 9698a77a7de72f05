"""How fast an encoder is: what a token costs, what a processor does in a second, what share of it.

No GPU has been measured by this project yet. The rate of one is a roofline: its half-precision rate
by its maker's datasheet, times a share that is assumed, over the operations that a token costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.figures import Figure


class ShapeLike(Protocol):
    """What of a BERT encoder decides how much it computes, such as a `BertConfig`."""

    @property
    def layers(self) -> int:
        """Number of transformer layers."""

    @property
    def hidden_size(self) -> int:
        """Length of a token's vector."""

    @property
    def intermediate_size(self) -> int:
        """Width of the feed-forward network."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a model whose files need not be here.

    Attributes:
        layers: Number of transformer layers.
        hidden_size: Length of a token's vector, and of a text's.
        intermediate_size: Width of the feed-forward network.
        max_length: Most tokens that the model reads.
        multilingual: Whether its vocabulary is made for many languages, not for English alone.
    """

    layers: int
    hidden_size: int
    intermediate_size: int
    max_length: int = 512
    multilingual: bool = False


_SMALL = Shape(12, 384, 1536)
_BASE = Shape(12, 768, 3072)
_LARGE = Shape(24, 1024, 4096)

SHAPES: Mapping[str, Shape] = {
    "sentence-transformers/all-MiniLM-L6-v2": Shape(6, 384, 1536, max_length=256),
    "sentence-transformers/all-MiniLM-L12-v2": Shape(12, 384, 1536, max_length=128),
    "BAAI/bge-small-en-v1.5": _SMALL,
    "BAAI/bge-base-en-v1.5": _BASE,
    "BAAI/bge-large-en-v1.5": _LARGE,
    "intfloat/e5-small-v2": _SMALL,
    "intfloat/e5-base-v2": _BASE,
    "intfloat/e5-large-v2": _LARGE,
    "thenlper/gte-small": _SMALL,
    "intfloat/multilingual-e5-small": Shape(12, 384, 1536, multilingual=True),
    "intfloat/multilingual-e5-base": Shape(12, 768, 3072, multilingual=True),
    "intfloat/multilingual-e5-large": Shape(24, 1024, 4096, multilingual=True),
}
"""Shapes of models, as their own configuration files on the Hub have them."""

HALF_PRECISION_TFLOPS: Mapping[str, float] = {
    "T4": 65.0,
    "L4": 121.0,
    "A10G": 70.0,
    "L40S": 362.0,
    "A100-40GB": 312.0,
    "A100-80GB": 312.0,
    "H100": 989.0,
    "H200": 989.0,
    "B200": 2250.0,
}
"""Dense multiplications and additions in half precision, 10¹² a second, by Modal's names.

From NVIDIA's datasheets of the SXM or PCIe card that clouds offer, without the factor of two for
sparse matrices. The A10G is Amazon's own variant of the A10, with 70 against the A10's 125: both
figures are found in public code as the rate of an A10G, and the lower one fits what the GPU is
(72 SMs at 1.7 GHz that add up in single precision at half rate), so it is taken. A prediction that
is too slow by a factor of 1.8 does less harm than one that is too fast.
"""

UTILIZATION = Figure(
    0.25,
    "of a GPU's half-precision rate",
    "assumed",
    "the bar that this project has set itself; no GPU has been measured",
)

CPU_FLOPS_PER_CORE = Figure(
    108e9,
    "operations/s a core in int8",
    "measured",
    "2026-11-23, two cores of an AMD EPYC with AVX2, `python -m benchmarks.encoders`: 42.1 "
    "passages/s of 222 tokens, 23.3 M operations a token, over two cores",
)
"""Of the engine `cpu`; another processor has another rate, and float32 two thirds of it."""

TEI_CHARACTERS = Figure(
    217_344.0,
    "characters/s of an A10G",
    "published",
    "567-labs' full run of English Wikipedia with bge-small-en-v1.5, 21,734,383 characters/s on "
    "100 A10G for 885 s; its one driver process held the GPUs back",
)
"""Of the engine `tei`; ours has no such process, so this is what it should beat."""


def shape_of(model: str) -> Shape:
    """The shape of a known model, or of one whose folder is here.

    Raises:
        BadInputError: The model is not known, or its folder does not hold one that we compute.
    """
    if model in SHAPES:
        return SHAPES[model]
    folder = Path(model).expanduser()
    if folder.is_dir():
        from wiki_embeddings.encoders.models.config import read_model_config  # for a folder alone

        config = read_model_config(folder)
        bert = config.require_bert()
        return Shape(
            layers=bert.layers,
            hidden_size=bert.hidden_size,
            intermediate_size=bert.intermediate_size,
            max_length=config.max_length,
            multilingual=bert.vocab_size > _ENGLISH_WORDS,
        )
    raise BadInputError(
        f"The shape of {model} is not known here. Name one of {', '.join(sorted(SHAPES))}, or the "
        "folder of a model."
    )


def flops_per_token(shape: ShapeLike, attended: float) -> float:
    """Floating-point operations that a token costs in an encoder's matrix multiplications.

    A layer multiplies with four matrices of attention and two of the feed-forward network, each
    weight once a token; and each token meets every token of its sequence twice, for the scores and
    for the values. A multiplication and its addition are two operations.

    Args:
        shape: Sizes of the encoder.
        attended: Mean length of the sequence in which a token stands, special tokens included: the
            sum of the squared lengths over the sum of the lengths.
    """
    hidden = shape.hidden_size
    weights = 4 * hidden * hidden + 2 * hidden * shape.intermediate_size
    return shape.layers * (2.0 * weights + 4.0 * hidden * attended)


def gpu_rate(gpu: str, flops: float, utilization: Figure) -> Figure:
    """Tokens a second of one GPU, as the roofline predicts them.

    Args:
        gpu: Its type, by Modal's name.
        flops: Operations that a token costs.
        utilization: Share of its half-precision rate that is reached.
    """
    tflops = HALF_PRECISION_TFLOPS[gpu]
    return Figure(
        tflops * 1e12 * utilization.value / flops,
        f"tokens/s of one {gpu}",
        "predicted",
        f"{tflops:g} TFLOP/s by its datasheet × {utilization.value:.0%} ({utilization.basis}) / "
        f"{flops / 1e6:.1f} MFLOP a token",
    )


def cpu_rate(cores: float, flops: float) -> Figure:
    """Tokens a second of the engine `cpu`, in proportion to the cores."""
    rate = CPU_FLOPS_PER_CORE
    as_measured = cores == _MEASURED_CORES and abs(flops / _MEASURED_FLOPS - 1) < _ALIKE
    return Figure(
        cores * rate.value / flops,
        f"tokens/s of {cores:g} cores",
        "measured" if as_measured else "predicted",
        f"{cores:g} cores × {rate.value / 1e9:g} G operations/s / {flops / 1e6:.1f} M operations a "
        f"token ({rate.source})",
    )


def tei_rate(gpu: str, flops: float, article: tuple[float, float]) -> Figure:
    """Tokens a second of Text Embeddings Inference on one GPU.

    Args:
        gpu: Its type, by Modal's name.
        flops: Operations that a token costs.
        article: Tokens to a character, and operations that a token costs, in the run that was
            published.
    """
    tokens_per_character, published_flops = article
    faster = HALF_PRECISION_TFLOPS[gpu] / HALF_PRECISION_TFLOPS["A10G"] * published_flops / flops
    as_published = abs(faster - 1) < _ALIKE
    scaled = "" if as_published else f"; × {faster:.3g} for this GPU and model, by operations"
    return Figure(
        TEI_CHARACTERS.value * tokens_per_character * faster,
        f"tokens/s of one {gpu}",
        "published" if as_published else "predicted",
        f"{TEI_CHARACTERS.value:,.0f} characters/s × {tokens_per_character:.3f} tokens a character"
        f"{scaled} ({TEI_CHARACTERS.source})",
    )


_ENGLISH_WORDS = 2**16
"""No vocabulary of one language is larger."""

_MEASURED_CORES = 2
_MEASURED_FLOPS = 23.3e6
"""On these cores and with a model of this cost was the engine `cpu` measured."""

_ALIKE = 0.05
"""A difference in operations that is less than what any of these figures is good for."""
