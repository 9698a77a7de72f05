"""Turn texts into embeddings, with one of several engines behind one interface.

    from wiki_embeddings import encoders

    encoder = encoders.load()  # the bundled all-MiniLM-L6-v2, on the fastest engine here
    passages = encoder.encode_texts(["Snow reflects most sunlight.", "Hector fell at Troy."])
    query = encoder.encode_texts(["How bright is fresh snow?"], query=True)
    print(passages @ query[0])  # cosine similarities: all vectors have length 1

Text that is already tokenised goes through `encoder.encode`. `encoder.info` names the model that
makes the vectors, and the engine. Importing this package loads no engine and no NumPy; `load` does.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.models.resolve import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import Encoder, EncoderInfo
from wiki_embeddings.errors import BadInputError

__all__ = ["ENGINES", "Encoder", "EncoderInfo", "describe", "load", "load_for_queries"]

ENGINES = (engines.AUTO, *engines.TABLE)
"""Names of the engines. `auto` is `cuda` on a machine with a GPU and PyTorch, else `cpu`."""


def load(
    model: str | Path | None = None,
    engine: str = "auto",
    *,
    revision: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    query_prefix: str | None = None,
    models_folder: Path | None = None,
) -> Encoder:
    """Load a model, ready to encode. Takes seconds once the model is on this machine.

    Args:
        model: A name on the Hugging Face Hub, such as `BAAI/bge-small-en-v1.5`, or a model's
            folder. If None, `sentence-transformers/all-MiniLM-L6-v2`, which is installed with this
            project. Any encoder of the BERT and XLM-R families works, with mean or first-token
            pooling; the engine `tei` supports more. A model from the Hub is fetched once and then
            used without network.
        engine: What computes the vectors: `cpu`; `cuda`, PyTorch on an NVIDIA GPU; `tei`, Text
            Embeddings Inference; or `auto` for `cuda` if it can run, else `cpu`. `auto` refuses a
            machine with a broken GPU instead of ignoring the GPU.
        revision: Branch, tag or commit of a model on the Hub. If None, the commit that this project
            pins, or the newest commit of a model that it does not know.
        precision: Number format to compute in; None for the engine's default. `cpu` has `float32`
            and `int8`, which is faster and whose vectors have a mean cosine of at least 0.995 with
            those of `float32`; the default depends on the processor and the model's width. On a
            processor with AMX or AVX-512 BF16 it also has `bfloat16`, if OpenVINO is installed: a
            lowest cosine of 0.9999, and much faster than `float32`; with AMX nearly as fast as
            `int8`. `cuda` and `tei` have `float16`.
        threads: Cores that the engine `cpu` uses; None for all. The vectors do not depend on it.
        query_prefix: Text before a query, instead of the model's usual one: for vectors that were
            published to be searched with another prefix.
        models_folder: Folder that keeps fetched models; None for the one in the settings.

    Returns:
        The encoder. `Encoder.encode` and `Encoder.encode_texts` give one unit vector per text.

    Raises:
        BadInputError: There is no such model, engine or precision, the engine cannot run here,
            or the model's files are damaged or unsupported.
        WikiEmbeddingsError: The model is not on this machine and the Hub cannot be reached, or
            fetched files cannot be stored.
    """
    if threads is not None and threads < 1:
        raise BadInputError(f"{threads} threads compute nothing: give 1 or more, or None for all.")
    resolved, info = _resolve(model, engine, revision, precision, models_folder)
    if query_prefix is not None:
        resolved = replace(resolved, query_prefix=query_prefix)
        info = replace(info, query_prefix=query_prefix)
    return engines.TABLE[info.engine].load(resolved, info, threads)


def load_for_queries(
    model: str | Path,
    *,
    revision: str | None = None,
    query_prefix: str | None = None,
    models_folder: Path | None = None,
) -> Encoder:
    """Load a model to embed a few short texts: sooner ready than `load`, and slow for many.

    The vectors are those of the engine `cpu` in `float32` but for rounding.

    Args:
        model: As for `load`.
        revision: As for `load`.
        query_prefix: As for `load`.
        models_folder: As for `load`.

    Raises:
        BadInputError: As for `load`.
        WikiEmbeddingsError: As for `load`.
    """
    resolved, info = _resolve(model, "cpu", revision, "float32", models_folder)
    if query_prefix is not None:
        resolved = replace(resolved, query_prefix=query_prefix)
    from wiki_embeddings.encoders.cpu.numpy_encoder import NumpyEncoder  # loads NumPy

    runtime = f"numpy {version('numpy')}"
    return NumpyEncoder(
        resolved, replace(info, query_prefix=resolved.query_prefix, runtime=runtime)
    )


def describe(
    model: str | Path | None = None,
    engine: str = "auto",
    *,
    revision: str | None = None,
    precision: str | None = None,
    models_folder: Path | None = None,
) -> EncoderInfo:
    """Return the `info` of the encoder that `load` would load, without loading an engine.

    Fetches the model if it is not on this machine yet, so that an unusable one is refused now.

    Raises:
        BadInputError: As for `load`.
        WikiEmbeddingsError: As for `load`.
    """
    return _resolve(model, engine, revision, precision, models_folder)[1]


def _resolve(
    model: str | Path | None,
    engine: str,
    revision: str | None,
    precision: str | None,
    models_folder: Path | None,
) -> tuple[ResolvedModel, EncoderInfo]:
    name = engines.select(engine)
    chosen_precision = engines.check_precision(name, precision)
    runtime = engines.TABLE[name].runtime(chosen_precision)  # before a model is fetched for it
    resolved = resolve(
        model, revision, models_folder=models_folder, any_architecture=name == engines.TEI
    )
    return resolved, EncoderInfo(
        model=resolved.name,
        identity=resolved.identity,
        revision=resolved.revision,
        weights_sha256=resolved.weights_sha256,
        dimensions=resolved.dimensions,
        pooling=resolved.pooling,
        max_length=resolved.max_length,
        query_prefix=resolved.query_prefix,
        passage_prefix=resolved.passage_prefix,
        engine=name,
        runtime=runtime,
        precision=chosen_precision or engines.TABLE[name].default_precision(resolved.dimensions),
    )
