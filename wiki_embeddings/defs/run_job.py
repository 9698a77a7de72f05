"""Runs the job for one wiki in this process, as the command line does, on the shared instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS
from wiki_embeddings.defs import instance
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.config import (
    CONFIGS,
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    plain_value,
)
from wiki_embeddings.defs.listening import listening
from wiki_embeddings.defs.preflight import require_model
from wiki_embeddings.defs.resources import ComputeResource
from wiki_embeddings.defs.wikipedia_export import require_edition
from wiki_embeddings.defs.wikis import add_first_wikis, add_wiki, known_wikis
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import this_process
from wiki_embeddings.progress import Listener
from wiki_embeddings.settings import Settings

_MAX_RETRIES_TAG = "dagster/max_retries"
"""Run tag: how often Dagster starts a run again that broke off, in place of `run_retries`."""

_INTERRUPTS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
"""Errors of a step whose process was told to stop."""


def run_job(
    definitions: dg.Definitions,
    wiki: str,
    options: Mapping[str, Any],
    known: Settings,
    listener: Listener,
) -> dg.ExecuteInProcessResult:
    """Materialize all four assets of a wiki in this process; adds the wiki if it is a new one.

    Args:
        definitions: The definitions that hold the job.
        wiki: The partition.
        options: Config fields by name; each goes to every asset that has it.
        known: The settings.
        listener: Called with the progress of each stage.

    Raises:
        BadInputError: There is no such wiki, an option has an impossible value, or Modal is not
            ready.
        WikiEmbeddingsError: Modal cannot be reached.
        UnusableVolumeError: The Dagster home cannot be written to.
        KeyboardInterrupt: The process was told to stop; the run is recorded as failed.
    """
    settings.require_wiki(wiki)
    run_config = run_config_of(options)
    ops = run_config["ops"]
    require_model(
        ComputeResource(kind=known.compute, volume=str(known.volume)).open(),
        wiki,
        ChunkedVolumeConfig(**ops[CHUNKED_VOLUME]["config"]),
        EmbeddingsConfig(**ops[EMBEDDINGS]["config"]),
    )
    home = instance.prepare(known)
    with instance.opened_at_prompt(home) as record:
        instance.close_abandoned_runs(record)
        add_first_wikis(record, known.wikis)
        if wiki not in known_wikis(record):
            if options.get("source") != "hub":
                require_edition(wiki)  # if the site cannot be asked, the run will say so itself
            add_wiki(record, wiki)
        return _execute(definitions, record, wiki, run_config, listener)


def _execute(
    definitions: dg.Definitions,
    record: dg.DagsterInstance,
    wiki: str,
    run_config: Mapping[str, Any],
    listener: Listener,
) -> dg.ExecuteInProcessResult:
    """Execute the job; an interrupt is raised as Python's, however Dagster reports it."""
    try:
        with listening(listener):
            result = definitions.resolve_job_def(JOB).execute_in_process(
                instance=record,
                partition_key=wiki,
                run_config=run_config,
                # A person is at the prompt, so no daemon starts a killed run again.
                tags={instance.PROCESS_TAG: this_process(), _MAX_RETRIES_TAG: "0"},
                raise_on_error=False,
            )
    except dg.DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error
    if any(_was_interrupted(event) for event in result.all_events):
        raise KeyboardInterrupt
    return result


def _was_interrupted(event: dg.DagsterEvent) -> bool:
    if not event.is_step_failure:
        return False
    error = event.step_failure_data.error
    return error is not None and error.cls_name in _INTERRUPTS


def run_config_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run config that gives options to every asset that has them.

    Args:
        options: Config fields by name. Relative paths are below the working directory.

    Raises:
        BadInputError: An option has an impossible value.
    """
    ops = {}
    for asset, config in CONFIGS.items():
        names = options.keys() & config.model_fields.keys()
        try:
            chosen = config(**{name: options[name] for name in names})
        except dg.Failure as error:
            raise BadInputError(str(error.description)) from error
        ops[asset] = {
            "config": {
                name: _absolute(name, plain_value(getattr(chosen, name))) for name in sorted(names)
            }
        }
    # Progress bars show the progress, and the UI has the log.
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _absolute(name: str, value: Any) -> Any:
    """Make the value of an option absolute if it is a path: a refresh reads it elsewhere again.

    A model that begins like a path or is a folder here is one; any other is a name on the Hub.
    """
    is_folder = name == "model" and (value.startswith((".", "/", "~")) or Path(value).is_dir())
    if not is_folder and name != "required_titles":
        return value
    try:
        return str(Path(value).expanduser().absolute())
    except RuntimeError as error:
        raise BadInputError(
            f"{name} is {value!r}, but that user has no home here: give an absolute path."
        ) from error
