"""Compares our vectors with those of sentence-transformers in float32, text by text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.cuda import peers
from benchmarks.cuda.models import bundled_copy, our_encoder

BARS = {"float32": 0.9999, "float16": 0.999}
"""Lowest cosine that passes, by our precision."""

POOLINGS = ("mean", "cls")


@dataclass(frozen=True)
class Agreement:
    """How closely the vectors of some texts agree.

    Attributes:
        pooling: The model's pooling.
        kind: Kind of text.
        texts: Number of texts.
        lowest: Lowest cosine between our vector of a text and theirs.
        passes: True if the lowest cosine is high enough.
    """

    pooling: str
    kind: str
    texts: int
    lowest: float
    passes: bool


def measure_agreement(passages: Sequence[str], scratch: Path, device: str) -> list[Agreement]:
    """Encode texts of all kinds with trained weights, ours and sentence-transformers'.

    Args:
        passages: Passages of the sample.
        scratch: Folder for models.
        device: `cuda` or `cpu`.

    Raises:
        MissingPeerError: sentence-transformers is not installed.
    """
    found = []
    for pooling in POOLINGS:
        folder = bundled_copy(scratch / f"bundled-{pooling}", pooling)
        reference = peers.load_peer(folder, device, half=False)
        encoder = our_encoder(folder, device)
        bar = BARS[encoder.info.precision]
        for kind, texts in _texts_by_kind(passages).items():
            ours = encoder.encode_texts(texts)
            cosines = np.einsum("ij,ij->i", ours, peers.encode(reference, texts))
            lowest = float(cosines.min())
            found.append(Agreement(pooling, kind, len(texts), lowest, lowest >= bar))
    return found


def _texts_by_kind(passages: Sequence[str]) -> Mapping[str, list[str]]:
    words = " ".join(passages).split()
    return {
        "a single one": [passages[0]],
        "passages": list(passages[:16]),
        "short": ["", ".", "snow", *(" ".join(words[at : at + 3]) for at in range(0, 90, 3))],
        "longer than the model reads": [" ".join(words[at : at + 700]) for at in (0, 350, 700)],
        "thousands": [" ".join(words[at : at + at % 4]) for at in range(2000)],
    }
