"""What is checked before the first asset of a run begins: the config of all assets, and the model.

Dagster carries names and types into its config schema, but no bounds: the launchpad accepts a
fraction of 0, and an asset late in the run would be the first to refuse its config.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS, CHUNKED_VOLUME, EMBEDDINGS
from wiki_embeddings.defs.config import (
    CONFIGS,
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    plain_value,
)
from wiki_embeddings.defs.local_limits import require_within_limits

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute


def selected_assets(context: dg.AssetExecutionContext) -> list[str]:
    """Return the keys of the assets of this run, in the order of the pipeline."""
    selected = context.job_def.asset_layer.selected_asset_keys
    return [key for key in ASSET_KEYS if dg.AssetKey(key) in selected]


def config_of(context: dg.AssetExecutionContext, asset: str) -> Mapping[str, Any]:
    """Return the resolved config of an asset of this run; empty if the asset is not in it."""
    step = context.op_execution_context.get_step_execution_context()
    op = step.resolved_run_config.ops.get(asset)
    return {} if op is None else cast("Mapping[str, Any]", op.config)


_NOT_RECORDED = ("engine",)
_NOT_RECORDED_ON_MODAL = ("engine", "gpu", "containers", "deadline_minutes", "max_dollars")
"""Fields with an option of `wiki-embeddings run` that outputs do not record, or not all of them."""


def options_asked(context: dg.AssetExecutionContext, *, on_modal: bool) -> tuple[str, ...]:
    """Return what a run was asked for that its outputs may not record, as words of a command line.

    These are the options of `wiki-embeddings run` for fields that differ from their defaults. Where
    the assets of a run differ in a field, the last asset's value is taken.
    """
    asked: dict[str, str] = {}
    for asset in selected_assets(context):
        given = config_of(context, asset)
        for name in _NOT_RECORDED_ON_MODAL if on_modal else _NOT_RECORDED:
            default = CONFIGS[asset].model_fields.get(name)
            if default and given.get(name, default.default) != plain_value(default.default):
                asked[f"--{name.replace('_', '-')}"] = f"{given[name]}"
    return tuple(chain.from_iterable(asked.items()))


def require_workable_config(context: dg.AssetExecutionContext, compute: Compute) -> None:
    """Check the config of all assets of a run, if this is the first of them.

    Args:
        context: The asset's context.
        compute: The compute that it runs on.

    Raises:
        BadInputError: The run is too large for this machine, or the model cannot be used, for this
            wiki or with this config.
        WikiEmbeddingsError: The model cannot be fetched now.
        dagster.Failure: A value is out of range.
    """
    from wiki_embeddings.defs import instance  # loads SQLAlchemy

    assets = selected_assets(context)
    if context.asset_key != dg.AssetKey(assets[0]):
        return
    configs: dict[str, Any] = {a: CONFIGS[a](**config_of(context, a)) for a in assets}
    if compute.folder is not None:
        require_within_limits(context, configs)
    # The command line checks the model before the run.
    if CHUNKED_VOLUME in configs and not instance.is_of_command_line(context.run):
        require_model(
            compute, context.partition_key, configs[CHUNKED_VOLUME], configs.get(EMBEDDINGS)
        )


def require_model(
    compute: Compute, wiki: str, chunking: ChunkedVolumeConfig, encoding: EmbeddingsConfig | None
) -> None:
    """Check the model before any article is fetched for it; the assets would find out later.

    Args:
        compute: The compute of the run.
        wiki: The wiki.
        chunking: How its articles will be cut.
        encoding: How the vectors will be computed; None if they will not be.

    Raises:
        BadInputError: The model cannot be used, for this wiki or with this config.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    from wiki_embeddings.stages import chunk  # loads Arrow

    model = chunking.model_for(wiki)
    compute.call_once(
        chunk.prepare,
        model=model,
        revision=chunking.wanted_revision,
        token_budget=chunking.token_budget,
        title_prefix=chunking.title_prefix,
        engine=chunking.engine.value,
    )
    if encoding and compute.folder is not None:  # on Modal a GPU would have to be started to ask
        compute.describe(
            model, chunking.wanted_revision, encoding.engine.value, encoding.wanted_precision
        )
