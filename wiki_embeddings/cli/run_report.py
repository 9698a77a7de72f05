"""What a run made, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS


@dataclass(frozen=True)
class AssetReport:
    """What a run made of one asset.

    Attributes:
        asset: Its key.
        rows: Rows in all files.
        files: Number of files.
        size_mib: Their size in MiB.
        seconds: How long it took.
        place: Where people find it: an address on the Hub, or a path, relative if it is below the
            working directory.
    """

    asset: str
    rows: int
    files: int
    size_mib: float
    seconds: float
    place: str


@dataclass(frozen=True)
class CheckReport:
    """The result of one check.

    Attributes:
        asset: Key of the asset that was checked.
        check: Name of the check.
        passed: True if it passed.
        description: What was found.
    """

    asset: str
    check: str
    passed: bool
    description: str


@dataclass(frozen=True)
class RunReport:
    """What a run made.

    Attributes:
        wiki: The wiki.
        run_id: Dagster's id of the run.
        success: True if everything was materialized and every blocking check passed.
        assets: The assets that were materialized.
        checks: All checks that ran.
        errors: What went wrong, a sentence or more each.
        warnings: What the checks found that only warn.
    """

    wiki: str
    run_id: str
    success: bool
    assets: tuple[AssetReport, ...]
    checks: tuple[CheckReport, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def report_of(wiki: str, result: dg.ExecuteInProcessResult) -> RunReport:
    """Gather what a run made from its events."""
    return RunReport(
        wiki=wiki,
        run_id=result.run_id,
        success=result.success,
        assets=tuple(_assets(result)),
        checks=tuple(
            CheckReport(
                check.asset_key.to_user_string(),
                check.check_name,
                check.passed,
                check.description or "",
            )
            for check in result.get_asset_check_evaluations()
        ),
        errors=(
            *_failed_steps(result),
            *_failed_checks(result, dg.AssetCheckSeverity.ERROR),
        ),
        warnings=tuple(_failed_checks(result, dg.AssetCheckSeverity.WARN)),
    )


def to_json(report: RunReport) -> str:
    """Return a report as JSON."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def _assets(result: dg.ExecuteInProcessResult) -> Iterator[AssetReport]:
    for asset in ASSET_KEYS:
        for materialization in result.asset_materializations_for_node(asset):
            value: dict[str, Any] = {
                name: entry.value for name, entry in materialization.metadata.items()
            }
            yield AssetReport(
                asset=asset,
                rows=value["dagster/row_count"],
                files=value["files"],
                size_mib=value["size_mib"],
                seconds=value["seconds"],
                place=_place(value),
            )


def _place(metadata: Mapping[str, Any]) -> str:
    if "hub" in metadata:
        return str(metadata["hub"])
    path = Path(str(metadata.get("dataset", metadata["path"])))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _failed_steps(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data is not None:
            yield f"{event.step_key}: {failure.user_failure_data.description}"
        elif failure.error is not None and "AssetCheckFailed" not in (failure.error.cls_name or ""):
            yield f"{event.step_key}: {failure.error.to_string()}"


def _failed_checks(
    result: dg.ExecuteInProcessResult, severity: dg.AssetCheckSeverity
) -> Iterator[str]:
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.severity is severity:
            yield f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"
