"""`wiki-embeddings search`: embed questions, search, and print the best passages."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from wiki_embeddings.cli.parameters import TEXT
from wiki_embeddings.cli.searched import dataset_options, opened_index, progress_bar
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    from wiki_embeddings.search.passages import Passage

_SHOWN_CHARACTERS = 400

_CONTROL_CHARACTERS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n")}, " ")
"""A terminal would obey them, and anyone may write the texts of a dataset."""


@click.command()
@click.argument("question", type=TEXT, required=False, metavar="QUESTION")
@dataset_options
@click.option(
    "-n",
    "-k",
    "--count",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Passages.",
)
@click.option("--title", type=TEXT, help="Only articles with this in their title.")
@click.option("--section", type=TEXT, help="Only passages with this in their headings.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a line of JSON for each question, texts whole."
)
def command(question: str | None, **options: Any) -> None:
    """Find the passages that answer QUESTION best; without one, answer each line of the input.

    A dataset with an index is read where it is. Of one without, 10,000 rows are fetched from the
    Hub, once for each commit. Its card says which model and prefix the question is embedded with.
    """
    # One core is enough. NumPy's matrix library would start a thread for each of the others, which
    # wait in a busy loop; it reads this when NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if question is None and sys.stdin.isatty():
        raise click.UsageError("Missing argument 'QUESTION', or questions on the standard input.")
    questions = _lines_of_input() if question is None else [question]
    print_passages(questions, **options)


def _lines_of_input() -> Iterator[str]:
    """Give the questions on standard input, each as soon as its line ends; blank lines are none.

    Raises:
        BadInputError: The input is no text.
    """
    try:
        for line in sys.stdin:
            if question := line.strip():
                yield question
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"The questions on the standard input are no text in {sys.stdin.encoding}: "
            f"{error.reason}."
        ) from error


def print_passages(
    questions: Iterable[str],
    *,
    count: int,
    title: str | None = None,
    section: str | None = None,
    as_json: bool = False,
    **options: Any,
) -> None:
    """Print the passages that answer each question best.

    Args:
        questions: The questions.
        count: Most passages to print.
        title: Only passages of articles with this in their title.
        section: Only passages with this in their headings.
        as_json: True for JSON, one line a question.
        **options: What is searched; see `opened_index`.

    Raises:
        BadInputError: There is nothing to search, or the dataset is damaged.
        WikiEmbeddingsError: The place cannot be reached, or its files cannot be stored.
    """
    messages = Console(stderr=True)
    with opened_index(messages, **options) as index:
        console = Console()
        for question in questions:
            with progress_bar("Searching", index.bytes_read_by_each, messages) as progress:
                passages = index.query(
                    question, count, title=title or "", section=section or "", progress=progress
                )
            if as_json:
                answer = {"question": question, "dataset": index.label}
                found = [asdict(passage) for passage in passages]
                click.echo(json.dumps({**answer, "passages": found}))
                continue
            console.print(Text(question, style="bold"))
            for passage in passages:
                _print_passage(console, passage)
            if not passages:
                console.print("  No passage found.\n", style="dim")


def _print_passage(console: Console, passage: Passage) -> None:
    title, section, url, text = (
        part.translate(_CONTROL_CHARACTERS)
        for part in (passage.title, passage.section, passage.url, passage.text)
    )
    lines = "\n".join(filter(None, map(str.strip, text.splitlines())))
    end = lines.rfind(" ", 0, _SHOWN_CHARACTERS)
    excerpt = lines if len(lines) <= _SHOWN_CHARACTERS else f"{lines[:end]} …"
    place = f", {section}" if section else ""
    console.print(
        Text.assemble((f"  {passage.score:.3f}  ", "cyan"), (title, "bold"), f"{place}  {url}")
    )
    console.print(Padding(Text(excerpt, style="dim"), (0, 0, 1, 9)))
