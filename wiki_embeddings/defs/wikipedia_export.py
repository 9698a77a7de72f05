"""`wikipedia_export`: what the articles are read from, and where the lineage begins.

Wikimedia makes the exports; this project only looks at them. So the asset is observable, not
materializable: a look records the newest complete export of a wiki and its data version, which
makes `raw_wikipedia` stale when there is a newer one. Three look: "Observe" in the UI, the sensor
`new_exports`, and `raw_wikipedia` itself, which records what it has read.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from wiki_embeddings.asset_keys import WIKIPEDIA_EXPORT
from wiki_embeddings.bundled import DUMP, DUMP_NAME
from wiki_embeddings.defs.asset_run import translate_errors
from wiki_embeddings.defs.wikis import known_wikis, wikis
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.settings import SAMPLE_WIKI

_KEY = dg.AssetKey(WIKIPEDIA_EXPORT)
_DATA_VERSION = "dagster/data_version"


@dataclass(frozen=True)
class Seen:
    """What a wiki's articles are read from, as Dagster records it.

    Attributes:
        snapshot: Date of the export, such as `20261101`.
        data_version: SHA-256 of the export's list of checksums, or what else decides the content.
        metadata: What the UI shows.
    """

    snapshot: str
    data_version: str
    metadata: Mapping[str, Any]

    def observation(self, wiki: str) -> dg.AssetObservation:
        """Return the event that records it for a wiki."""
        return dg.AssetObservation(
            _KEY,
            partition=wiki,
            metadata={"snapshot": self.snapshot, **self.metadata},
            tags={_DATA_VERSION: self.data_version},
        )


def newest_export(wiki: str, within_s: float = math.inf) -> Seen:
    """Look up the newest complete export of a wiki; that of the sample is on this machine.

    Args:
        wiki: The wiki.
        within_s: Longest time for it, in seconds.

    Raises:
        BadInputError: There is no such wiki, or no export of it.
        BusyError: Other processes of this machine are asking the site.
        WikiEmbeddingsError: None is complete yet, or the site cannot be reached.
    """
    if wiki == SAMPLE_WIKI:
        from wiki_embeddings.sources.sample import SNAPSHOT  # loads the parser of wikitext

        files = {"files": dg.MetadataValue.json([DUMP_NAME])}
        return Seen(SNAPSHOT, DUMP.sha256[DUMP_NAME], {"source": DUMP.distribution, **files})
    from wiki_embeddings.sources import dumps_site

    export = dumps_site.newest_export(wiki, within_s)
    names = [file.name for file in export.files]
    link = {"link": dg.MetadataValue.url(export.url)}
    return Seen(
        export.snapshot,
        export.checksums_sha256,
        {**link, "file_count": len(names), "files": dg.MetadataValue.json(names)},
    )


def require_edition(wiki: str) -> WikiEmbeddingsError | None:
    """Refuse a wiki that Wikimedia does not export.

    Returns:
        Why Wikimedia could not be asked; None if it has such a wiki.

    Raises:
        BadInputError: There is no such wiki, or no export of it.
    """
    try:
        newest_export(wiki)
    except BadInputError:
        raise
    except WikiEmbeddingsError as error:
        return error
    return None


def what_was_read(raw_settings: Mapping[str, Any]) -> Seen:
    """Describe what articles were read from, by the settings that decided them."""
    source, revision = str(raw_settings["source"]), str(raw_settings["revision"])
    return Seen(str(raw_settings["snapshot"]), revision, {"source": source, "revision": revision})


def record_what_was_read(
    context: dg.AssetExecutionContext, raw_settings: Mapping[str, Any]
) -> None:
    """Record what a materialization of `raw_wikipedia` has read, as its input's data version."""
    context.log_event(what_was_read(raw_settings).observation(context.partition_key))
    # Dagster noted the input's version when the step began; now it has to read it again.
    context.op_execution_context.get_step_execution_context().wipe_input_asset_version_info(_KEY)


def last_seen(instance: dg.DagsterInstance, wiki: str) -> str | None:
    """Return the data version that was recorded last for a wiki; None if there is none."""
    wanted = dg.AssetRecordsFilter(asset_key=_KEY, asset_partitions=[wiki])
    for record in instance.fetch_observations(wanted, limit=1).records:
        if record.asset_observation is not None:
            return record.asset_observation.tags.get(_DATA_VERSION)
    return None


with warnings.catch_warnings():
    # Dagster still calls observable assets beta; nothing else lets the UI observe one.
    warnings.simplefilter("ignore", dg.BetaWarning)
    _observable: Callable[[Callable[..., Any]], dg.AssetsDefinition] = (
        dg.multi_observable_source_asset(
            name=WIKIPEDIA_EXPORT,
            specs=[
                dg.AssetSpec(
                    _KEY,
                    partitions_def=wikis,
                    group_name="wikipedia",
                    owners=["team:wiki-embeddings"],
                    kinds={"wikipedia", "xml"},
                    description="The newest complete export of each wiki at Wikimedia's site of "
                    "dumps (MediaWiki Content File Exports, monthly); for the sample, the dump "
                    "that is installed with the project. Observing it asks the site and fetches "
                    "nothing. Its data version is the SHA-256 of the export's SHA256SUMS.",
                )
            ],
        )
    )


@_observable
def wikipedia_export(context: dg.AssetExecutionContext) -> Iterator[dg.ObserveResult]:
    """Look up the newest export of the wiki of this run; of all wikis without a partition."""
    if context.has_partition_key:
        found = _look(context, context.partition_key)
        yield dg.ObserveResult(
            asset_key=_KEY,
            data_version=dg.DataVersion(found.data_version),
            metadata=found.observation(context.partition_key).metadata,
        )
        return
    for wiki in known_wikis(context.instance):
        context.log_event(_look(context, wiki).observation(wiki))
    yield dg.ObserveResult(asset_key=_KEY)  # Dagster wants one of the asset as a whole, too


def _look(context: dg.AssetExecutionContext, wiki: str) -> Seen:
    with translate_errors(context):
        found = newest_export(wiki)
    context.log.info(f"{wiki}: the newest complete export is that of {found.snapshot}.")
    return found
