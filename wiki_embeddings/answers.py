"""Answer a question at the prompt: embed it, search, and print the best passages."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from wiki_embeddings import encoders, instance, settings
from wiki_embeddings.compute.local import LocalCompute
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.lineage import current_manifest
from wiki_embeddings.search import Passage, Searchable, from_folder, from_manifest, nearest
from wiki_embeddings.volume import Volume

_SHOWN_CHARACTERS = 400


def show(question: str, *, wiki: str, dataset: Path | None, count: int) -> None:
    """Print the passages that answer a question best.

    Args:
        question: The question.
        wiki: Whose embeddings on the volume to search.
        dataset: A published folder to search instead.
        count: How many passages to print.

    Raises:
        BadInputError: There is nothing to search yet, or it is not what it should be.
    """
    searchable = from_folder(dataset) if dataset else _on_volume(wiki)
    # One question is answered on the processor before a GPU would be ready, and in float32 before
    # a model would be quantized. Vectors of all precisions are of one space.
    encoder = encoders.load(
        searchable.model, "cpu", revision=searchable.revision, precision="float32"
    )
    vector = encoder.encode_texts([question], query=True)[0]
    console = Console()
    console.print(Text(question, style="bold"))
    for passage in nearest(vector, searchable, count):
        _print(console, passage)


def _on_volume(wiki: str) -> Searchable:
    known = settings.load()
    if known.compute == "modal":
        raise BadInputError(
            "The embeddings are on Modal, where there is no search. The metadata of hub_dataset "
            "says how to fetch the dataset; then name its folder with --dataset."
        )
    instance.prepare(known)
    compute = LocalCompute(known.volume, cores=1)
    with dg.DagsterInstance.get() as record:
        return from_manifest(
            Volume(known.volume), current_manifest(record, compute, "embeddings", wiki)
        )


def _print(console: Console, passage: Passage) -> None:
    lines = "\n".join(filter(None, map(str.strip, passage.text.splitlines())))
    cut = lines.rfind(" ", 0, _SHOWN_CHARACTERS)
    text = lines if len(lines) <= _SHOWN_CHARACTERS else f"{lines[:cut]} …"
    console.print(
        Text.assemble(
            (f"  {passage.score:.3f}  ", "cyan"), (passage.title, "bold"), f"  {passage.url}"
        )
    )
    console.print(Padding(Text(text, style="dim"), (0, 0, 1, 9)))
