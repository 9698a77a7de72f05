"""The check that tells how old each wiki's snapshot is, and fails when a refresh was missed.

Dagster's freshness policies are for an asset as a whole, not for its partitions; and they ask when
an asset was materialized, not from what.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.defs.wikis import known_wikis, refreshed_wikis
from wiki_embeddings.settings import SAMPLE_WIKI


@dg.asset_check(
    asset=RAW_WIKIPEDIA,
    description="The snapshot of every wiki that is marked for refreshing is younger than 55 days "
    "(or WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS). Snapshots are dated the 1st of a month, and the "
    "next one is complete by the 20th of the month after: an older one means that a refresh was "
    "missed. It blocks nothing.",
)
def snapshot_is_recent(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Check all wikis, whichever the run is about: the result stands for the whole asset."""
    marked = set(refreshed_wikis(context.instance))
    limit = settings.load().max_snapshot_age_days
    findings = [
        _finding(wiki, _recorded_date(context.instance, wiki), limit, marked=wiki in marked)
        for wiki in known_wikis(context.instance)
    ]
    return dg.AssetCheckResult(
        passed=not any(finding.missed for finding in findings),
        description=" ".join(f"{finding.wiki}: {finding.sentence}" for finding in findings)
        or "There is no wiki here.",
        metadata={
            "oldest_allowed_days": limit,
            **{
                f"{finding.wiki}: age_days": finding.age_days
                for finding in findings
                if finding.age_days is not None
            },
        },
    )


@dataclass(frozen=True)
class _Finding:
    wiki: str
    age_days: int | None
    missed: bool
    sentence: str


def _finding(wiki: str, snapshot: date | None, limit: int, *, marked: bool) -> _Finding:
    if wiki == SAMPLE_WIKI:
        return _Finding(wiki, None, False, "its edition is fixed, so it needs no refreshes.")
    if snapshot is None:
        sentence = "marked for refreshing, but never fetched." if marked else "never fetched."
        return _Finding(wiki, None, marked, sentence)
    age = (datetime.now(UTC).date() - snapshot).days
    told = f"its snapshot of {snapshot} is {age} days old"
    if not marked:
        return _Finding(wiki, age, False, f"{told}; not marked for refreshing.")
    if age <= limit:
        return _Finding(wiki, age, False, f"{told}.")
    return _Finding(
        wiki,
        age,
        True,
        f"{told}, more than {limit}: a refresh was missed. Look at the last ticks of new_exports "
        "and monthly_refresh, and at the wiki's last runs.",
    )


def _recorded_date(instance: dg.DagsterInstance, wiki: str) -> date | None:
    """Return the date of the snapshot that was fetched last; None if there was none."""
    last = last_materialization(instance, RAW_WIKIPEDIA, wiki)
    snapshot = str(last.raw_settings.get("snapshot", "")) if last else ""
    return date(int(snapshot[:4]), int(snapshot[4:6]), int(snapshot[6:])) if snapshot else None
