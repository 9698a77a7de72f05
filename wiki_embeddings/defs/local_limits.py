"""Refuses a run that would keep this machine busy for days or fill its disk.

"Materialize all" starts every partition that is missing, all of English Wikipedia among them. So
the first asset of a run predicts what the run takes. On Modal nothing is refused here: there
`max_dollars` bounds a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, RAW_WIKIPEDIA
from wiki_embeddings.defs.config import ChunkedVolumeConfig, EmbeddingsConfig, RawWikipediaConfig
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import duration, usable_cores
from wiki_embeddings.settings import Settings

if TYPE_CHECKING:
    from wiki_embeddings.defs.config import AssetConfig
    from wiki_embeddings.estimate.prediction import Estimate

_GB = 1e9


def require_within_limits(
    context: dg.AssetExecutionContext, configs: Mapping[str, AssetConfig]
) -> None:
    """Refuse a run on this machine that is predicted to exceed the limits of the settings.

    What cannot be predicted, because the size of the wiki or the shape of the model is not known
    here, is not refused; the log says so.

    Args:
        context: The context of the first asset of the run.
        configs: The config of each asset of the run, by its key.

    Raises:
        BadInputError: The run is too large; says what it would take, and the ways out.
    """
    limits = settings.load()
    if limits.max_local_hours is None and limits.max_local_gb is None:
        return
    try:
        estimate = _estimate(context, configs)
    except BadInputError as error:
        context.log.info(f"Not known how long this run takes. {error}")
        return
    encoding = configs.get(EMBEDDINGS)
    on_gpu = isinstance(encoding, EmbeddingsConfig) and _is_on_gpu(encoding)
    assets = [asset for asset in estimate.assets if asset.asset in configs]
    hours = sum(a.wall_s for a in assets if not (on_gpu and a.asset == EMBEDDINGS)) / 3600
    gigabytes = sum(asset.stored_bytes for asset in assets) / _GB
    is_slow = limits.max_local_hours is not None and hours > limits.max_local_hours
    is_large = limits.max_local_gb is not None and gigabytes > limits.max_local_gb
    if is_slow or is_large:
        raise BadInputError(_refusal(context.partition_key, estimate, hours, gigabytes, limits))


def _estimate(context: dg.AssetExecutionContext, configs: Mapping[str, AssetConfig]) -> Estimate:
    """Predict all four assets of the wiki with the run's config on this machine's processor."""
    from wiki_embeddings.estimate.options import RunOptions
    from wiki_embeddings.estimate.prediction import predict

    wiki = context.partition_key
    raw, chunking = configs.get(RAW_WIKIPEDIA), configs.get(CHUNKED_VOLUME)
    if not isinstance(raw, RawWikipediaConfig):
        made = last_materialization(context.instance, RAW_WIKIPEDIA, wiki)
        fraction = float(made.raw_settings.get("fraction", 1.0)) if made else 1.0
    else:
        fraction = raw.fraction
    if not isinstance(chunking, ChunkedVolumeConfig):
        chunking = ChunkedVolumeConfig()
    return predict(
        RunOptions(
            wiki=wiki,
            fraction=fraction,
            model=chunking.model_for(wiki),
            allow_english_model=chunking.allow_english_model,
            token_budget=chunking.token_budget,
            title_prefix=chunking.title_prefix,
            cores=usable_cores(),
        )
    )


def _is_on_gpu(config: EmbeddingsConfig) -> bool:
    """Return True if a GPU here computes the vectors: how fast it is is not predicted."""
    from wiki_embeddings.encoders import engines  # looks for a GPU

    return engines.select(config.engine.value) != "cpu"


def _refusal(
    wiki: str, estimate: Estimate, hours: float, gigabytes: float, limits: Settings
) -> str:
    allowed = [
        f"{limits.max_local_hours:g} hours" if limits.max_local_hours is not None else "",
        f"{limits.max_local_gb:g} GB" if limits.max_local_gb is not None else "",
    ]
    part = "" if estimate.options.fraction == 1 else f"{estimate.options.fraction:g} of "
    return (
        f"This run was not started: {part}{wiki!r} is predicted to take {duration(hours * 3600)} "
        f"and {gigabytes:,.0f} GB on this machine ({estimate.workload.articles:,.0f} articles, "
        f"{estimate.options.cores} cores), and a run here may take "
        f"{' and '.join(filter(None, allowed))}. Make a smaller one with fraction: 0.01 in the "
        "config of raw_wikipedia (--fraction 0.01), or run it on Modal with "
        f"WIKI_EMBEDDINGS_COMPUTE=modal (`wiki-embeddings estimate --wiki {wiki} --gpu A10` "
        "predicts time and dollars), or allow it here: set WIKI_EMBEDDINGS_MAX_LOCAL_HOURS and "
        "WIKI_EMBEDDINGS_MAX_LOCAL_GB, to none for no limit, and start the UI again."
    )
