"""What the measured share of a chip would make of all of English Wikipedia on other chips."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.compute.modal.prices import GPU_SECOND
from wiki_embeddings.estimate import HALF_PRECISION_TFLOPS

FLEETS = (("H200", 1), ("H100", 8), ("A10G", 50))


@dataclass(frozen=True)
class Prediction:
    """All of English Wikipedia on some GPUs.

    Attributes:
        gpu: Their type, by Modal's name.
        count: How many.
        tokens_per_s: Of one of them.
        seconds: Time of all together; nothing is lost to starts and to the last shards.
        dollars: Price of the GPUs for that time.
    """

    gpu: str
    count: int
    tokens_per_s: float
    seconds: float
    dollars: float


def predictions(share: float, flops_per_token: float, tokens: float) -> list[Prediction]:
    """Applies a share of the half-precision rate to each fleet.

    Args:
        share: Share of the rate that the encoder reaches.
        flops_per_token: Operations that a token costs.
        tokens: Tokens to encode.
    """
    found = []
    for gpu, count in FLEETS:
        rate = share * HALF_PRECISION_TFLOPS[gpu] * 1e12 / flops_per_token
        seconds = tokens / (rate * count)
        found.append(Prediction(gpu, count, rate, seconds, seconds * count * GPU_SECOND[gpu]))
    return found


def datasheet_flops(name: str) -> float | None:
    """Half-precision rate of a chip by its datasheet, in operations a second; None if not known.

    Args:
        name: What the chip calls itself, such as `NVIDIA H200`.
    """
    words = name.replace("-", " ").split()
    known = [gpu for gpu in HALF_PRECISION_TFLOPS if set(gpu.split("-")) <= set(words)]
    return HALF_PRECISION_TFLOPS[known[0]] * 1e12 if known else None
