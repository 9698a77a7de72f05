"""`wiki-embeddings estimate`: a prediction as a table with notes, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.cli.parameters import GPU_TYPE, TEXT
from wiki_embeddings.cli.sizes import size
from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.estimate.figures import Figure
from wiki_embeddings.estimate.options import RunOptions
from wiki_embeddings.estimate.prediction import AssetEstimate, Estimate, predict
from wiki_embeddings.host import duration, usable_cores

_HEADINGS = ("asset", "time", "con-tainers", "GPU-hours", "$", "stored", "basis")

_ONLY_WIDE = {"con-tainers", "basis"}
"""Columns that a narrow terminal has no room for; `--json` has them."""

_WIDE = 76
"""Columns of a terminal that shows the whole table."""


@click.command()
@click.option("--wiki", type=TEXT, default="en", help="Which Wikipedia.")
@click.option("--fraction", type=float, default=1.0, help="Share of the articles.")
@click.option(
    "--characters",
    type=float,
    show_default="as published",
    help="Characters of all its articles, if you know.",
)
@click.option(
    "--articles",
    type=float,
    show_default="as published",
    help="Number of all its articles, if you know.",
)
@click.option(
    "--model",
    type=TEXT,
    show_default="by language",
    help="Embedding model: a name on the Hub or a folder.",
)
@click.option(
    "--allow-english-model",
    is_flag=True,
    help="Accept a model that reads English only for an edition in another language.",
)
@click.option("--token-budget", type=int, default=256, help="Tokens in a chunk.")
@click.option(
    "--title-prefix/--no-title-prefix", default=True, help="Put the title in front of each chunk."
)
@click.option(
    "--articles-per-shard",
    type=int,
    show_default="4096",
    help="Mean number of articles in a shard. The sample's default is 8.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "cpu", "cuda", "tei"]),
    default="auto",
    help="Engine that computes the vectors.",
)
@click.option(
    "--gpu",
    type=GPU_TYPE,
    show_default="none",
    help="On Modal: GPU of each container that computes vectors, such as H100.",
)
@click.option(
    "--containers", type=int, show_default="50", help="On Modal: most containers at once."
)
@click.option(
    "--cpu-containers",
    type=int,
    show_default="as --containers",
    help="On Modal: most containers of the assets without a GPU.",
)
@click.option("--cores", type=int, show_default="all", help="On this machine: processor cores.")
@click.option(
    "--utilization",
    type=float,
    show_default="as assumed below",
    help="Share of the GPU's half-precision rate reached.",
)
@click.option(
    "--tokens-per-second",
    "tokens_per_s",
    type=float,
    show_default="predicted",
    help="Tokens a second of one container, or of this machine, if you have measured them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool, cores: int | None, **options: Any) -> None:
    """Predict time, GPU-hours, dollars and storage of a run, without starting anything.

    With a GPU, a number of containers or an engine that needs a GPU, the run is predicted for
    Modal; else for the processor of this machine. Each figure says what it is based on. Articles
    are those of --source hub: reading one of Wikimedia's exports takes hours longer.
    """
    estimate = predict(RunOptions(cores=usable_cores() if cores is None else cores, **options))
    if as_json:
        click.echo(to_json(estimate))
    else:
        show(estimate)


def show(estimate: Estimate) -> None:
    """Print an estimate as a table with notes."""
    console = Console()
    console.print(_table(estimate, wide=console.width >= _WIDE))
    for line in _notes(estimate):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def to_json(estimate: Estimate) -> str:
    """Return an estimate as JSON, in seconds, dollars and bytes."""
    work = asdict(estimate.workload)
    assets: list[dict[str, Any]] = [asdict(asset) for asset in estimate.assets]
    for asset in assets:
        del asset["rests_on"]  # all of it is in `figures`
    content = {
        "question": asdict(estimate.options),
        "workload": {**work, "shards": len(work["shards"])},
        "assets": assets,
        "index": asdict(estimate.index) if estimate.index else None,
        "figures": [asdict(figure) for figure in estimate.figures],
        "caveats": estimate.caveats,
        "total": {
            "wall_s": estimate.total("wall_s"),
            "gpu_hours": estimate.total("gpu_s") / 3600,
            "dollars": estimate.total("dollars"),
            "stored_bytes": estimate.total("stored_bytes"),
        },
        "prices_as_of": PRICES_AS_OF,
    }
    return json.dumps(content, indent=2)


def _table(estimate: Estimate, *, wide: bool) -> Table:
    options = estimate.options
    where = f"{options.cores} cores of this machine"
    if options.on_modal:
        where = f"Modal, up to {options.max_containers} × {options.gpu_type or 'CPU'}"
    title = f"Wikipedia {options.wiki!r}, {options.model_name}, {where}"
    table = Table(title=title, title_justify="left", box=SIMPLE, show_footer=True)
    footers = _total_row(estimate)
    shown = [heading for heading in _HEADINGS if wide or heading not in _ONLY_WIDE]
    for heading in shown:
        side: Literal["left", "right"] = "left" if heading in {"asset", "basis"} else "right"
        table.add_column(
            heading.replace("-", "-\n"), footer=footers.get(heading, ""), justify=side, no_wrap=True
        )
    for asset in estimate.assets:
        row = _row(asset)
        table.add_row(*(row[heading] for heading in shown))
    return table


def _row(asset: AssetEstimate) -> dict[str, str]:
    return {
        "asset": asset.asset,
        "time": duration(asset.wall_s),
        "con-tainers": f"{asset.containers}" if asset.containers else "",
        "GPU-hours": _hours(asset.gpu_s),
        "$": f"{asset.dollars:,.2f}" if asset.containers else "",
        "stored": size(asset.stored_bytes),
        "basis": asset.basis,
    }


def _total_row(estimate: Estimate) -> dict[str, str]:
    dollars = f"{estimate.total('dollars'):,.2f}" if estimate.options.on_modal else ""
    return {
        "asset": "total",
        "time": duration(estimate.total("wall_s")),
        "GPU-hours": _hours(estimate.total("gpu_s")),
        "$": dollars,
        "stored": size(estimate.total("stored_bytes")),
    }


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds else ""


def _notes(estimate: Estimate) -> Iterator[str]:
    work = estimate.workload
    yield (
        f"{work.articles:,.0f} articles, {work.characters:,.0f} characters, {work.chunks:,.0f} "
        f"chunks, {work.encoded_tokens:,.0f} tokens to encode (special ones included), "
        f"{len(work.shards):,} shards: predicted from the figures below."
    )
    embeddings = next(asset for asset in estimate.assets if asset.asset == EMBEDDINGS)
    yield (
        f"The time of the embeddings includes {duration(embeddings.start_s)} to start and "
        f"{duration(embeddings.tail_s)} at the end, when some have no shard left."
    )
    if index := estimate.index:
        price = f", ${index.dollars:,.2f}" if estimate.options.on_modal else ""
        yield (
            f"The index for `search` is part of hub_dataset: {size(index.published_bytes)} in the "
            f"dataset, {duration(index.wall_s)}{price} ({index.basis}). `run --no-index` leaves it "
            "out."
        )
    yield ""
    for figure in estimate.figures:
        yield f"  {figure.basis:<9}  {_rounded(figure)} {figure.unit}: {figure.source}"
    if estimate.options.on_modal:
        yield f"  published  prices as of {PRICES_AS_OF}: compute/modal/prices.py"
    yield ""
    yield from estimate.caveats


def _rounded(figure: Figure) -> str:
    """Round to four digits, more than any of the figures deserves."""
    return f"{figure.value:,.0f}" if figure.value >= 1000 else f"{figure.value:.4g}"
