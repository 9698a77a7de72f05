"""The `tei` engine: Hugging Face Text Embeddings Inference, which must be installed separately.

The executable `text-embeddings-router` is started on a free port of this machine, supervised while
it runs, and queried over HTTP. It dies with this process, even when this process is killed. Its
flags, its routes and its handling of token ids were checked against the source of release 1.9.3.

Two things differ from the other engines. The server puts requests into batches as they happen to
arrive, and its half-precision sums depend on the batch, so two runs agree within rounding but not
byte for byte. And it computes GELU by the tanh approximation, which turns the vectors of
all-MiniLM-L6-v2 by a cosine of 0.999999.
"""

from wiki_embeddings.encoders.tei.encoder import TeiEncoder, runtime

__all__ = ["TeiEncoder", "runtime"]
