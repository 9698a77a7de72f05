"""A stand-in for Text Embeddings Inference: a process of its own that speaks its HTTP API.

`install(folder)` writes an executable `text-embeddings-router` that takes the flags and environment
variables of release 1.9.3, refuses any other, loads the model, listens, and answers `/health`,
`/info` and `/embed` with real vectors, computed by our own `cpu` engine. Tests take the fixture
`tei` of `fixtures.py`, which puts it on the PATH, orders faults from it, and reads what it was
asked. Nothing is imported here, so that each process starts at once.

It does to token ids what TEI does: it turns them into text, special tokens included, and that into
token ids again, without adding any. It admits only so many inputs at once, and says how many tokens
it read.

What it does not model: batches (each request is one), GPUs, prompts, `/embed_all`, `/predict` and
the routes of other vendors, Prometheus, the tanh approximation of GELU, and models other than BERT.
Its half precision is float32 rounded at the end.
"""
