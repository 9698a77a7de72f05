"""The `tei` engine: Hugging Face Text Embeddings Inference, which must be installed beside us.

The executable `text-embeddings-router` is started on a free port of this machine, watched while it
works, and asked over HTTP; it dies with this process, however that ends. Its flags, its routes and
what it does to token ids were checked against the source of release 1.9.3.

Two things differ from the other engines. It puts requests into batches as they happen to arrive,
and its half-precision sums depend on the batch, so that two runs agree within rounding but not
byte for byte. And it computes GELU by its tanh approximation, which turns the vectors of
all-MiniLM-L6-v2 by a cosine of 0.999999.
"""

from wiki_embeddings.encoders.tei.encoder import TeiEncoder, runtime

__all__ = ["TeiEncoder", "runtime"]
