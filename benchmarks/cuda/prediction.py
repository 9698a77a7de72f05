"""Predicts from a share of the peak rate how long other GPUs take for the English Wikipedia."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.compute.modal.prices import GPU_SECOND
from wiki_embeddings.estimate import HALF_PRECISION_TFLOPS

FLEETS = (("H100", 1), ("H100", 8), ("A10", 50))


@dataclass(frozen=True)
class Prediction:
    """The English Wikipedia on some GPUs.

    Attributes:
        gpu: Their type, by Modal's name.
        count: Number of GPUs.
        tokens_per_s: Tokens per second of one GPU.
        seconds: Time of all together, without starts and the wait for the last shards.
        dollars: Price of the GPUs for that time.
    """

    gpu: str
    count: int
    tokens_per_s: float
    seconds: float
    dollars: float


def predict_fleets(share: float, flops_per_token: float, tokens: float) -> list[Prediction]:
    """Apply a share of the half-precision rate to each fleet.

    Args:
        share: Share of the rate that the encoder reaches.
        flops_per_token: Operations per token.
        tokens: Tokens to encode.
    """
    predictions = []
    for gpu, count in FLEETS:
        rate = share * HALF_PRECISION_TFLOPS[gpu] * 1e12 / flops_per_token
        seconds = tokens / (rate * count)
        predictions.append(Prediction(gpu, count, rate, seconds, seconds * count * GPU_SECOND[gpu]))
    return predictions


def datasheet_flops(name: str) -> float | None:
    """Return a chip's half-precision rate in operations per second; None if not known.

    Args:
        name: The chip's own name, such as `NVIDIA H200`. That of Modal's A10 is `NVIDIA A10G`.
    """
    words = name.replace("A10G", "A10").replace("-", " ").split()
    known = [gpu for gpu in HALF_PRECISION_TFLOPS if set(gpu.split("-")) <= set(words)]
    return HALF_PRECISION_TFLOPS[known[0]] * 1e12 if known else None
