"""What a run would take before anything is started: time, GPU-hours, dollars and storage.

Arithmetic on dated tables and nothing else: it contacts nobody, loads no model and prints nothing.
"""

from wiki_embeddings.estimate.encoding import flops_per_token
from wiki_embeddings.estimate.figures import HALF_PRECISION_TFLOPS
from wiki_embeddings.estimate.options import RunOptions
from wiki_embeddings.estimate.prediction import Estimate, predict

__all__ = ["HALF_PRECISION_TFLOPS", "Estimate", "RunOptions", "flops_per_token", "predict"]
