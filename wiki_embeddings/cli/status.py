"""`wiki-embeddings status`: what there is of each wiki, and what a refresh would cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from wiki_embeddings import settings
from wiki_embeddings.cli.sizes import size
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import duration, usable_cores

if TYPE_CHECKING:
    from wiki_embeddings.defs.wiki_status import SnapshotStatus, WikiStatus


@dataclass(frozen=True)
class RefreshCost:
    """What a run over all articles would take at most; a refresh embeds only what changed.

    Attributes:
        seconds: Time.
        dollars: Price on Modal; None for this machine.
        bytes: Size of what it would store.
    """

    seconds: float
    dollars: float | None
    bytes: float


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def command(as_json: bool) -> None:
    """Say which snapshots of which wikis are here, how old and how large they are.

    A refresh is estimated as a run over all articles, which it is at most: it embeds only what
    changed. Reads Dagster's record and the volume, and starts nothing.
    """
    from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
    from wiki_embeddings.defs.resources import ComputeResource
    from wiki_embeddings.defs.wiki_status import wiki_statuses
    from wiki_embeddings.defs.wikis import add_first_wikis

    known = settings.load()
    compute = ComputeResource(kind=known.compute, volume=str(known.volume)).open()
    with instance.opened(instance.prepare(known)) as record:
        add_first_wikis(record, known.wikis)
        wikis = list(wiki_statuses(record, compute))
    costs = {status.wiki: _refresh_cost(status, known.compute) for status in wikis}
    if as_json:
        click.echo(_to_json(wikis, costs))
        return
    where = "on the Modal volume" if known.compute == "modal" else f"in {known.volume}"
    click.echo(f"Outputs are {where}.")
    for status in wikis:
        for line in _lines(status, costs[status.wiki], known.compute):
            click.echo(line)


def _refresh_cost(status: WikiStatus, compute: settings.ComputeKind) -> RefreshCost | None:
    """Estimate a run over all articles; None for the sample and for a wiki of unknown size."""
    from wiki_embeddings.estimate.options import RunOptions
    from wiki_embeddings.estimate.prediction import predict

    if status.wiki == settings.SAMPLE_WIKI:
        return None
    counted = next((found for found in status.snapshots if found.articles), None)
    try:
        options = RunOptions(
            wiki=status.wiki,
            articles=counted.articles / counted.fraction if counted else None,
            characters=counted.characters / counted.fraction if counted else None,
            cores=usable_cores(),
            gpu="A10" if compute == "modal" else None,
        )
        estimate = predict(options)
    except BadInputError:  # an edition whose size nobody knows before it was fetched once
        return None
    return RefreshCost(
        seconds=estimate.total("wall_s"),
        dollars=estimate.total("dollars") if compute == "modal" else None,
        bytes=estimate.total("stored_bytes"),
    )


def _lines(
    status: WikiStatus, cost: RefreshCost | None, compute: settings.ComputeKind
) -> Iterator[str]:
    yield ""
    yield status.wiki
    for snapshot in status.snapshots:
        yield f"  snapshot   {_describe(snapshot)}"
    if not status.snapshots:
        yield "  snapshot   none yet"
    yield f"  published  {status.published or 'not yet'}"
    yield f"  refresh    {_describe_refresh(status, cost, compute)}"


def _describe(snapshot: SnapshotStatus) -> str:
    share = "" if snapshot.fraction == 1.0 else f", {snapshot.fraction:.6g} of all"
    passages = f", {snapshot.passages:,} passages" if snapshot.passages else ", not embedded"
    return (
        f"{snapshot.date:%Y%m%d}, {_age_days(snapshot.date):,} days old, "
        f"{snapshot.articles:,} articles{share}{passages}, {size(snapshot.bytes)}"
    )


def _describe_refresh(
    status: WikiStatus, cost: RefreshCost | None, compute: settings.ComputeKind
) -> str:
    if status.wiki == settings.SAMPLE_WIKI:
        return "never: the sample does not change"
    marked = "marked" if status.is_refreshed else "not marked"
    if cost is None:
        return f"{marked}; the size of this edition is not known before it is fetched"
    where = "on Modal" if compute == "modal" else "on this machine"
    price = f", ${cost.dollars:,.2f}" if cost.dollars is not None else ""
    return f"{marked}; at most {duration(cost.seconds)} {where}{price}, {size(cost.bytes)}"


def _age_days(snapshot: date) -> int:
    return (datetime.now(UTC).date() - snapshot).days


def _to_json(wikis: list[WikiStatus], costs: dict[str, RefreshCost | None]) -> str:
    content = [
        {
            **asdict(status),
            "snapshots": [
                {
                    **asdict(snapshot),
                    "date": f"{snapshot.date:%Y%m%d}",
                    "age_days": _age_days(snapshot.date),
                }
                for snapshot in status.snapshots
            ],
            "refresh": asdict(cost) if (cost := costs[status.wiki]) else None,
        }
        for status in wikis
    ]
    return json.dumps(content, indent=2)
