from __future__ import annotations

import pytest

from wiki_embeddings.compute.protocol import Finished, Progressed
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.progress import ProgressCounter, StageProgress, throttled
from wiki_embeddings.stages.shard import Report
from wiki_embeddings_tests.support.toy import toy_plan


def snapshot(
    done: int, reused: int = 0, shards_done: int = 1, seconds: float = 10.0
) -> StageProgress:
    return StageProgress(
        "chunks", "sample/chunks/1f", "articles", done, reused, 100, shards_done, 4, seconds
    )


def report(*, reused: bool) -> Report:
    return Report(ShardFile("part", 3, 1, "", 0, 2, 1, {}), reused=reused, seconds=1.0)


def test_rate_and_eta_count_only_what_this_run_does():
    come = snapshot(done=60, reused=40)
    assert come.rate == pytest.approx(2.0)
    assert come.eta_s == pytest.approx(20.0)
    assert come.line() == (
        "chunks: 60 of 100 articles (40 kept from before), 1 of 4 shards, 2 articles/s, "
        "10 s so far, about 20 s to go"
    )


def test_shards_kept_from_before_have_no_speed():
    kept = snapshot(done=40, reused=40)
    assert kept.eta_s is None
    assert kept.line() == (
        "chunks: 40 of 100 articles (40 kept from before), 1 of 4 shards, none of them new after "
        "10 s"
    )
    assert snapshot(done=100, reused=100, shards_done=4).line() == (
        "chunks: 100 of 100 articles, all kept from before, 4 of 4 shards"
    )


def test_a_shard_that_is_tried_again_is_not_counted_twice():
    counter = ProgressCounter(toy_plan(2))
    for event in (Progressed(0, 2), Progressed(0, 2), Progressed(0, 2)):
        counter.count(event)
    assert counter.progress().done == 3
    counter.count(Finished(0, report(reused=False)))
    counter.count(Finished(1, report(reused=True)))
    come = counter.progress()
    assert (come.done, come.reused, come.shards_done) == (6, 3, 2)


def test_a_throttled_listener_hears_the_first_and_the_last_of_many():
    heard: list[StageProgress] = []
    listen = throttled(heard.append, every_s=3600)
    for done in range(100):
        listen(snapshot(done))
    listen(snapshot(100, shards_done=4))
    assert [come.done for come in heard] == [0, 100]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_are_formatted_for_people(seconds, told):
    assert duration(seconds) == told
