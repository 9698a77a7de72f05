"""What a run would take, before anything is started: time, GPU-hours, dollars, storage.

Arithmetic on dated tables and nothing else: it contacts nobody and loads no model. Each figure that
goes in says what it rests on; `figures.py` has the words for that.
"""

from wiki_embeddings.estimate.encoding import (
    HALF_PRECISION_TFLOPS,
    ShapeLike,
    flops_per_token,
)
from wiki_embeddings.estimate.prediction import AssetEstimate, Estimate, predict
from wiki_embeddings.estimate.question import Question

__all__ = [
    "HALF_PRECISION_TFLOPS",
    "AssetEstimate",
    "Estimate",
    "Question",
    "ShapeLike",
    "flops_per_token",
    "predict",
]
