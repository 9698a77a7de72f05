"""The estimate for people, as one table with notes, and for machines, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.estimate.prediction import AssetEstimate, Estimate
from wiki_embeddings.host import duration

_MB = 1e6
_GB = 1e9


def show(estimate: Estimate) -> None:
    """Print an estimate for people."""
    console = Console()
    console.print(_table(estimate))
    for line in _notes(estimate):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def as_json(estimate: Estimate) -> str:
    """An estimate for machines: seconds, dollars and bytes."""
    total = {
        "wall_s": estimate.wall_s,
        "gpu_hours": estimate.gpu_s / 3600,
        "dollars": estimate.dollars,
        "stored_bytes": estimate.stored_bytes,
    }
    content = {**asdict(estimate), "total": total, "prices_as_of": PRICES_AS_OF}
    work: dict[str, Any] = content["workload"]
    for name in ("parts", "shards"):
        work[name] = len(work[name])
    return json.dumps(content, indent=2, ensure_ascii=False)


def _table(estimate: Estimate) -> Table:
    question = estimate.question
    where = f"{question.cores} cores of this machine"
    if question.on_modal:
        where = f"Modal, up to {question.most_containers} × {question.gpu_type or 'CPU'}"
    title = f"Wikipedia {question.wiki!r}, {question.model_name}, {where}"
    table = Table(title=title, title_justify="left", box=SIMPLE, show_footer=True)
    rows = (*map(_row, estimate.assets), _total(estimate))
    for heading, footer in zip(_HEADINGS, rows[-1], strict=True):
        side: Literal["left", "right"] = "left" if heading in {"asset", "basis"} else "right"
        table.add_column(heading, footer=footer, justify=side, no_wrap=True)
    for row in rows[:-1]:
        table.add_row(*row)
    return table


_HEADINGS = ("asset", "time", "con-\ntainers", "GPU-\nhours", "$", "stored", "basis")


def _row(asset: AssetEstimate) -> tuple[str, ...]:
    return (
        asset.asset,
        duration(asset.wall_s),
        f"{asset.containers}" if asset.containers else "",
        f"{asset.gpu_s / 3600:,.2f}" if asset.gpu_s else "",
        f"{asset.dollars:,.2f}" if asset.containers else "",
        _size(asset.stored_bytes),
        asset.basis,
    )


def _total(estimate: Estimate) -> tuple[str, ...]:
    return (
        "in all",
        duration(estimate.wall_s),
        "",
        f"{estimate.gpu_s / 3600:,.2f}" if estimate.gpu_s else "",
        f"{estimate.dollars:,.2f}" if estimate.question.on_modal else "",
        _size(estimate.stored_bytes),
        "",
    )


def _size(count: float) -> str:
    return f"{count / _GB:,.1f} GB" if count >= _GB / 10 else f"{count / _MB:,.1f} MB"


def _notes(estimate: Estimate) -> Iterator[str]:
    work = estimate.workload
    yield (
        f"{work.articles:,.0f} articles, {work.characters:,.0f} characters, {work.chunks:,.0f} "
        f"chunks, {work.encoded_tokens:,.0f} tokens to encode (special ones included), "
        f"{len(work.shards):,} shards: predicted from the figures below."
    )
    embeddings = next(asset for asset in estimate.assets if asset.asset == "embeddings")
    yield (
        f"Of the time of the embeddings, {duration(embeddings.start_s)} are for the start and "
        f"{duration(embeddings.tail_s)} for the tail, when some have no shard left."
    )
    yield ""
    for figure in estimate.figures:
        yield f"  {figure.basis:<9}  {figure.line()}"
    if estimate.question.on_modal:
        yield f"  published  prices as of {PRICES_AS_OF}: compute/prices.py"
    yield ""
    yield from estimate.caveats
