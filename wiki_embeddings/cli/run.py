"""One run from the command line: the whole job for one wiki, with bars, on the shared instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ValidationError
from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.table import Table

from wiki_embeddings import settings
from wiki_embeddings.cli.progress_bars import Bars
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs import instance
from wiki_embeddings.defs.assets import wikis
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.config import (
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    HubDatasetConfig,
    RawWikipediaConfig,
)
from wiki_embeddings.defs.resources import ComputeResource
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import this_process
from wiki_embeddings.stages import chunk

_CONFIGURED: Mapping[str, type[dg.Config]] = {
    "raw_wikipedia": RawWikipediaConfig,
    "chunked_volume": ChunkedVolumeConfig,
    "embeddings": EmbeddingsConfig,
    "hub_dataset": HubDatasetConfig,
}
"""Assets whose config can be given on the command line."""

_INTERRUPTS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
"""What a step fails with when the process is told to stop."""

_ASSETS = ("raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset")


def run(wiki: str, options: Mapping[str, Any]) -> int:
    """Materialize all four assets of a wiki in this process.

    Args:
        wiki: The partition.
        options: Config fields by name, for whichever asset has them.

    Returns:
        Exit status: 0 when everything was materialized and every check passed, else 1.

    Raises:
        BadInputError: There is no such wiki, an option has a value that cannot work, or Modal is
            not ready.
        WikiEmbeddingsError: Modal cannot be reached.
        UnusableVolumeError: The Dagster home cannot be written to.
        KeyboardInterrupt: The process was told to stop; the run is recorded as failed.
    """
    _refuse_unknown(wiki)
    run_config = _run_config(options)
    _refuse_unsuitable_model(wiki, run_config["ops"])
    home = instance.prepare(settings.load())
    console = Console()
    with instance.translate_record_errors(home), instance.at_prompt(home) as record:
        instance.close_abandoned_runs(record)
        outcome = _execute(record, wiki, run_config, console)
    if any(outcome.asset_materializations_for_node(asset) for asset in _ASSETS):
        console.print(_summary(wiki, outcome))
        checks = outcome.get_asset_check_evaluations()
        console.print(f"{sum(check.passed for check in checks)} of {len(checks)} checks passed.")
    for failure in _failures(outcome):
        Console(stderr=True, soft_wrap=True).print(
            f"Error: {failure}", markup=False, highlight=False
        )
    return 0 if outcome.success else 1


def _execute(
    record: dg.DagsterInstance, wiki: str, run_config: Mapping[str, Any], console: Console
) -> dg.ExecuteInProcessResult:
    """Execute the job; Dagster's ways of saying that it was interrupted become Python's."""
    try:
        with Bars(console) as bars:
            outcome = defs.resolve_job_def(JOB).execute_in_process(
                instance=record,
                partition_key=wiki,
                run_config=run_config,
                resources={"listener": bars},
                tags={instance.PROCESS_TAG: this_process()},
                raise_on_error=False,
            )
    except dg.DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error
    if any(_was_interrupted(event) for event in outcome.all_events):
        raise KeyboardInterrupt
    return outcome


def _was_interrupted(event: dg.DagsterEvent) -> bool:
    if not event.is_step_failure:
        return False
    error = event.step_failure_data.error
    return error is not None and error.cls_name in _INTERRUPTS


def _refuse_unknown(wiki: str) -> None:
    known = wikis.get_partition_keys()
    if wiki not in known:
        raise BadInputError(
            f"There is no wiki {wiki!r} here, only {', '.join(known)}. Name further language "
            f"editions in the environment: WIKI_EMBEDDINGS_WIKIS={','.join([*known, wiki])}."
        )


def _refuse_unsuitable_model(wiki: str, ops: Mapping[str, Any]) -> None:
    """Ask now what would only be asked once all articles are fetched, or even cut."""
    config = ChunkedVolumeConfig(**ops["chunked_volume"]["config"])
    encoding = EmbeddingsConfig(**ops["embeddings"]["config"])
    known = settings.load()
    compute = ComputeResource(kind=known.compute, volume=str(known.volume)).open()
    compute.call(
        chunk.prepare,
        model=config.model_for(wiki),
        revision=config.model_revision,
        token_budget=config.token_budget,
        title_prefix=config.title_prefix,
        engine=config.engine.value,
    )
    if known.compute == "local":  # elsewhere only a GPU could tell, which would have to be started
        compute.describe(
            config.model_for(wiki),
            config.model_revision,
            encoding.engine.value,
            encoding.wanted_precision,
        )


def _run_config(options: Mapping[str, Any]) -> dict[str, Any]:
    ops = {}
    for asset, config in _CONFIGURED.items():
        chosen = {name: value for name, value in options.items() if name in config.model_fields}
        try:
            config(**chosen)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors()
            )
            raise BadInputError(f"The config of {asset} cannot work: {wrong}.") from error
        ops[asset] = {"config": chosen}
    # The bars say how far it is; the whole log is in the UI.
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _failures(outcome: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in outcome.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data is not None:
            yield f"{event.step_key}: {failure.user_failure_data.description}"
        elif failure.error is not None and "AssetCheckFailed" not in (failure.error.cls_name or ""):
            yield f"{event.step_key}: {failure.error.to_string()}"
    for check in outcome.get_asset_check_evaluations():
        if not check.passed:
            yield f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"


def _summary(wiki: str, outcome: dg.ExecuteInProcessResult) -> RenderableType:
    """What was made, as a table, and below it where; a path is too long for a column."""
    table = Table(title=f"Wikipedia {wiki!r}", title_justify="left", box=SIMPLE)
    for heading in ("asset", "rows", "files", "MiB", "took"):
        table.add_column(heading, justify="left" if heading == "asset" else "right")
    places = Table(box=None, show_header=False, padding=(0, 1))
    places.add_column()
    places.add_column(overflow="fold")
    for asset in _ASSETS:
        for made in outcome.asset_materializations_for_node(asset):
            value = {name: entry.value for name, entry in made.metadata.items()}
            table.add_row(
                asset,
                f"{value['dagster/row_count']:,}",
                f"{value['files']:,}",
                f"{value['size_mib']:,.1f}",
                str(value["duration"]),
            )
            places.add_row(asset, _place(value))
    return Group(table, places)


def _place(metadata: Mapping[str, Any]) -> str:
    """Where people find what an asset has made: on the Hub, or in a folder."""
    if "hub" in metadata:
        return str(metadata["hub"])
    return _shortened(Path(str(metadata.get("dataset", metadata["path"]))))


def _shortened(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
