"""Turns texts into embeddings, with one of several engines behind one interface.

    from wiki_embeddings import encoders

    encoder = encoders.load()  # all-MiniLM-L6-v2, which is bundled, on the fastest engine here
    passages = encoder.encode_texts(["Snow reflects most sunlight.", "Hector fell at Troy."])
    query = encoder.encode_texts(["How bright is fresh snow?"], query=True)
    print(passages @ query[0])  # cosine similarities: all vectors have length 1

What is tokenised already goes through `encoder.encode`, and `encoder.info` says which model makes
the vectors, and how. Importing this loads no engine; `load` does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.models.resolve import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import Encoder, EncoderInfo
from wiki_embeddings.errors import BadInputError

__all__ = ["ENGINES", "Encoder", "EncoderInfo", "describe", "load"]

ENGINES = (engines.AUTO, *engines.TABLE)
"""Names of the engines: `auto` takes `cuda` where there is a GPU and PyTorch, else `cpu`."""


def load(
    model: str | Path | None = None,
    engine: str = "auto",
    *,
    revision: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    query_prefix: str | None = None,
) -> Encoder:
    """Loads a model, ready to encode, in seconds once the model is on this machine.

    Args:
        model: A name on the Hugging Face Hub, such as `BAAI/bge-small-en-v1.5`, or the folder of
            a model. If not given, `sentence-transformers/all-MiniLM-L6-v2`, which is installed
            with this project. Any encoder of the BERT and XLM-R families works, pooled by mean or
            by the first token; the engine `tei` knows more. One from the Hub is fetched once and
            used without network from then on.
        engine: What computes the vectors: `cpu`; `cuda`, an NVIDIA GPU by PyTorch; `tei`, Text
            Embeddings Inference; or `auto` for `cuda` where it can run, else `cpu`. A GPU that is
            here but does not work is refused, not passed over.
        revision: Branch, tag or commit of a model on the Hub. If not given, the commit that this
            project pins, or the newest of a model that it does not know.
        precision: Numbers to compute with; the engine's own choice if not given. `cpu` has
            `float32` and `int8`, which is faster and whose vectors are at a mean cosine of 0.995 or
            more with those of `float32`; it takes `int8` where that pays, by the processor and the
            width of the model. `cuda` and `tei` have `float16`.
        threads: Cores that the engine `cpu` uses; all if not given. The vectors do not depend on
            it.
        query_prefix: Text before a query, in place of the one that is known for the model: for
            vectors that somebody made to be searched with another one.

    Returns:
        The encoder. `Encoder.encode` and `Encoder.encode_texts` give one unit vector a text.

    Raises:
        BadInputError: There is no such model, engine or precision, the engine cannot run here,
            or the model's files are damaged or not of a kind that can be computed.
        WikiEmbeddingsError: The model is not here yet and the Hub cannot be reached, or what it
            sends cannot be stored.
    """
    if threads is not None and threads < 1:
        raise BadInputError(f"{threads} threads compute nothing: give 1 or more, or none for all.")
    name = _chosen(engine, precision)
    runtime = engines.TABLE[name].runtime()
    resolved = resolve(model, revision, any_transformer=name == engines.TEI)
    if query_prefix is not None:
        resolved = replace(resolved, query_prefix=query_prefix)
    info = _info(resolved, name, runtime, precision)
    return engines.TABLE[name].load(resolved, info, threads)


def describe(
    model: str | Path | None = None,
    engine: str = "auto",
    *,
    revision: str | None = None,
    precision: str | None = None,
) -> EncoderInfo:
    """Says what `load` with the same arguments would load, without loading an engine.

    The model is fetched if it is not here yet, so that what cannot work is refused now.

    Raises:
        BadInputError: As for `load`.
        WikiEmbeddingsError: As for `load`.
    """
    name = _chosen(engine, precision)
    runtime = engines.TABLE[name].runtime()
    resolved = resolve(model, revision, any_transformer=name == engines.TEI)
    return _info(resolved, name, runtime, precision)


def _chosen(engine: str, precision: str | None) -> str:
    name = engines.chosen(engine)
    computes_in = engines.TABLE[name].precisions
    if precision not in {None, *computes_in}:
        listed = " or ".join(computes_in)
        raise BadInputError(f"The engine {name} computes in {listed}, not in {precision!r}.")
    return name


def _info(model: ResolvedModel, engine: str, runtime: str, precision: str | None) -> EncoderInfo:
    able = engines.TABLE[engine]
    given = next((known for known in able.precisions if known == precision), None)
    return EncoderInfo(
        model=model.name,
        revision=model.revision,
        weights_sha256=model.weights_sha256,
        dimensions=model.dimensions,
        pooling=model.pooling,
        max_length=model.max_length,
        query_prefix=model.query_prefix,
        passage_prefix=model.passage_prefix,
        engine=engine,
        runtime=runtime,
        precision=given or able.precision(model.dimensions),
    )
