"""Pictures in the UI, seen without a click.

Dagster shows Markdown in place only if it has less than 1,000 characters, which is too little for a
picture inside it (`MetadataEntry.tsx` of dagster-webserver 1.13). So the Markdown has a link, and
the picture is a file beside the run's own logs, which the webserver serves at `/logs`. It is
deleted with the run.
"""

from __future__ import annotations

import base64
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

_FOLDER = "pictures"


def show_picture(
    context: dg.AssetExecutionContext, name: str, svg: str, alternative: str
) -> dg.MarkdownMetadataValue:
    """Store a picture with the run's logs, and return what shows it.

    An instance that keeps its logs elsewhere serves no such file: there the picture is inside the
    Markdown, behind a click.

    Args:
        context: The asset's context.
        name: Name of the picture, different from others of the run.
        svg: The picture.
        alternative: What it shows, for those who cannot see it.
    """
    logs = _logs_of_webserver(context.instance)
    if not isinstance(logs, LocalComputeLogManager):
        encoded = base64.b64encode(svg.encode()).decode()
        return dg.MetadataValue.md(f"![{alternative}](data:image/svg+xml;base64,{encoded})")
    key = [context.run.run_id, _FOLDER, name]
    path = Path(logs.get_captured_local_path(key, "svg"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg, encoding="utf-8")
    return dg.MetadataValue.md(f"![{alternative}](/logs/{'/'.join(key)}/svg)")


def _logs_of_webserver(instance: dg.DagsterInstance) -> ComputeLogManager:
    """Return what keeps the logs, also for a run in a terminal, which captures none itself."""
    manager = instance.compute_log_manager
    if not isinstance(manager, NoOpComputeLogManager):
        return manager
    return InstanceRef.from_dir(instance.root_directory).compute_log_manager
