"""How fast an encoder is: the operations of a token against those of a processor.

The rate of a GPU is its half-precision rate by the maker's datasheet, times a share, over the
operations of a token. The share was measured on an H100; for other generations it is assumed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from wiki_embeddings.compute.modal.deployment import EMBED_CPU_CONTAINER
from wiki_embeddings.encoders.models.known import MODEL_SHAPES, ModelShape
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate import figures
from wiki_embeddings.estimate.editions import EDITIONS
from wiki_embeddings.estimate.figures import HALF_PRECISION_TFLOPS, Basis, Figure
from wiki_embeddings.estimate.options import RunOptions
from wiki_embeddings.estimate.workload import Workload, count_workload

_MAX_ENGLISH_VOCABULARY = 2**16  # no vocabulary of one language is larger
_TOLERANCE = 0.05  # operations that differ by less are alike: no figure here is more precise


def find_shape(model: str) -> ModelShape:
    """Return the shape of a known model, or of one whose folder is on this machine.

    Raises:
        BadInputError: The model is not known, or its folder holds none that we compute.
    """
    if model in MODEL_SHAPES:
        return MODEL_SHAPES[model]
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise BadInputError(
            f"The shape of {model} is not known here. Name one of "
            f"{', '.join(sorted(MODEL_SHAPES))}, or the folder of a model."
        )
    from wiki_embeddings.encoders.models.config import read_model_config  # only for a folder

    config = read_model_config(folder)
    bert = config.require_bert()
    return ModelShape(
        bert.layers,
        bert.hidden_size,
        bert.intermediate_size,
        max_length=config.max_length,
        multilingual=bert.vocab_size > _MAX_ENGLISH_VOCABULARY,
    )


def flops_per_token(shape: ModelShape, attended: float) -> float:
    """Return the floating-point operations of a token in an encoder's matrix multiplications.

    Each layer multiplies a token by four matrices of attention and two of the feed-forward network,
    and each token meets every token of its sequence twice, for the scores and for the values. A
    multiplication and its addition are two operations.

    Args:
        shape: Sizes of the encoder.
        attended: Mean length of a token's sequence, special tokens included: the sum of the squared
            lengths over the sum of the lengths.
    """
    hidden = shape.hidden_size
    weights = 4 * hidden * hidden + 2 * hidden * shape.intermediate_size
    return shape.layers * (2.0 * weights + 4.0 * hidden * attended)


def encoder_rate(options: RunOptions, work: Workload, shape: ModelShape) -> Figure:
    """Return the tokens/s that one container, or this machine, encodes."""
    flops = flops_per_token(shape, work.attended)
    if options.tokens_per_s is not None:
        where = "one container" if options.on_modal else "this machine"
        return Figure(options.tokens_per_s, f"tokens/s of {where}", "given", "your option")
    if not options.on_gpu:
        return _cpu_rate(EMBED_CPU_CONTAINER.cores if options.on_modal else options.cores, flops)
    if options.engine == "tei":
        return _tei_rate(options.gpu_type, flops)
    return _gpu_rate(options.gpu_type, flops, options.utilization)


def _cpu_rate(cores: float, flops: float) -> Figure:
    """Return the rate of the engine `cpu`, which is proportional to the cores."""
    rate = figures.CPU_CORE
    is_measured = cores == 2 and _is_alike(flops, 23.3e6)  # as `CPU_CORE` was
    return Figure(
        cores * rate.value / flops,
        f"tokens/s of {cores:g} cores",
        "measured" if is_measured else "predicted",
        f"{cores:g} cores × {rate.value / 1e9:g} G operations/s / {flops / 1e6:.1f} M operations a "
        f"token ({rate.source})",
    )


def _gpu_rate(gpu: str, flops: float, utilization: float | None) -> Figure:
    basis: Basis = "predicted"
    if utilization is not None:
        share = replace(figures.UTILIZATION, value=utilization, basis="given")
    elif gpu in {"H100", "H200"}:
        share, is_alike = _hopper_share(flops)
        basis = "measured" if gpu == "H100" and is_alike else "predicted"
    else:
        share = figures.UTILIZATION
    tflops = HALF_PRECISION_TFLOPS[gpu]
    return Figure(
        tflops * 1e12 * share.value / flops,
        f"tokens/s of one {gpu}",
        basis,
        f"{tflops:g} TFLOP/s by its datasheet × {share.value:.0%} ({share.basis}) / "
        f"{flops / 1e6:.1f} MFLOP a token",
    )


def _hopper_share(flops: float) -> tuple[Figure, bool]:
    """Return the share that the nearest measured model reached, and whether it is alike."""
    nearest = min(figures.HOPPER_UTILIZATION, key=lambda known: abs(math.log(known / flops)))
    share = figures.HOPPER_UTILIZATION[nearest]
    source = "2026-11-26, one H100 80GB HBM3, the functions of `benchmarks.cuda_encoder`"
    return Figure(share, "of its half-precision rate", "measured", source), _is_alike(
        flops, nearest
    )


def _tei_rate(gpu: str, flops: float) -> Figure:
    """Return the published rate of Text Embeddings Inference, scaled to this GPU and model.

    The published run had other chunks; ours are assumed to pass at as many characters a second.
    """
    options = RunOptions()
    work = count_workload(EDITIONS["en"], options)
    published_flops = flops_per_token(find_shape(options.model_name), work.attended)
    density = work.encoded_tokens / work.characters
    speedup = HALF_PRECISION_TFLOPS[gpu] / HALF_PRECISION_TFLOPS["A10"] * published_flops / flops
    is_published = _is_alike(speedup, 1)
    scaled = "" if is_published else f"; × {speedup:.3g} for this GPU and model, by operations"
    rate = figures.TEI_A10
    return Figure(
        rate.value * density * speedup,
        f"tokens/s of one {gpu}",
        "published" if is_published else "predicted",
        f"{rate.value:,.0f} characters/s × {density:.3f} tokens a character{scaled} "
        f"({rate.source})",
    )


def _is_alike(value: float, reference: float) -> bool:
    return abs(value / reference - 1) < _TOLERANCE
