"""Connections that break and a Hub that is busy: waited out as it says, or told to people."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.hub_files import retries
from wiki_embeddings.publishing import pull_request
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Content,
    Datasets,
    content_of,
    main_of,
    start_publisher,
    states_of,
    tags_of,
    use_xet,
)
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.lfs import SIGNATURE
from wiki_embeddings_tests.standins.hub.xet_store import TOKEN_PREFIX

POSTS = ["/repos/create", "/batch", "/verify", "/preupload/", "/discussions", "/commit/"]
POSTS += ["/status", "/merge", "/tag/"]

QUESTIONS = ["/whoami-v2", "/api/models/", "/revision/main", "/refs", "/tree/"]

LASTING = [match for match in POSTS if match != "/verify"]
"""A file that could not be verified is verified by the commit that names it."""

SECRETS = (WRITE_TOKEN, SIGNATURE, SIGNATURE.split("=")[1], TOKEN_PREFIX)


@pytest.fixture(autouse=True)
def _quick(waits: list[float]) -> None:
    """Nothing in this process waits before another try."""


def is_well_published(hub: LocalHub, faultless: tuple[Content, Content]) -> bool:
    """Whether the first dataset, and it alone, is there, and nothing else is left."""
    whole = content_of(hub) == faultless[0]
    return whole and states_of(hub) == ["merged"] and tags_of(hub) == {"20231101": main_of(hub)}


@pytest.mark.parametrize("match", [*POSTS, *QUESTIONS, "/upload/"])
def test_a_hub_that_fails_for_a_moment_is_asked_again(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], match: str
):
    hub.fail(match, 500)
    hub.fail(match, 502)
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    assert [request.status for request in hub.requests(match)][:2] == [500, 502]


@pytest.mark.parametrize("match", ["/whoami-v2", "/batch", "/commit/", "/merge"])
def test_a_hub_that_is_asked_too_much_is_left_alone_for_as_long_as_it_says(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    waits: list[float],
    match: str,
):
    hub.fail(match, 429, headers={"Retry-After": "17"})
    hub.fail(match, 429, headers={"RateLimit": '"api";r=0;t=42'})
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    assert waits in ([17, 42], [18, 43])  # the client adds one where it waits by itself


@pytest.mark.parametrize("match", POSTS)
def test_an_answer_that_is_lost_does_no_harm(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    waits: list[float],
    match: str,
):
    hub.lose_answer(match, "POST")
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    assert waits, "it was not lost"


@pytest.mark.parametrize("match", [*LASTING, *QUESTIONS, "/upload/"])
def test_a_hub_that_stays_out_of_order_is_told_of(
    hub: LocalHub, datasets: Datasets, match: str, waits: list[float]
):
    hub.fail(match, 500, times=1000)
    with pytest.raises(WikiEmbeddingsError, match="answers with status 500") as refusal:
        datasets.publish(datasets.first)
    told = str(refusal.value)
    assert "again later" in told
    assert not [secret for secret in SECRETS if secret in told]
    assert 5 <= len(waits) <= 4 * 36, "given up too soon, or too late"


def test_a_wait_is_a_real_one(hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retries, "time", time)
    hub.fail("/commit/", 429, headers={"Retry-After": "1"})
    datasets.publish(datasets.first)
    refused, done = hub.requests("/commit/")
    assert done.at - refused.at >= 1


@pytest.mark.usefixtures("hasty")
def test_lfs_transfers_that_stall_or_break_are_repeated(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.stall_upload("/upload/", 1000)
    hub.cut_upload("/upload/", 1000)
    hub.lose_answer("/upload/")
    hub.fail("/upload/", 503)
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    assert len(hub.requests("/upload/")) == 4 + 4


def test_xet_transfers_that_stall_or_break_are_repeated(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    monkeypatch: pytest.MonkeyPatch,
):
    use_xet(monkeypatch)
    hub.stall_upload("/v1/xorbs/", 1000)
    hub.cut_upload("/v1/xorbs/", 1000, times=3)
    hub.lose_answer("/v2/shards", times=4)
    hub.fail("/xet-write-token/", 500, times=4)
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)


@pytest.mark.parametrize("match", ["/xet-write-token/", "/v1/xorb", "/v2/shards"])
def test_a_xet_store_that_stays_out_of_order_is_told_of(
    hub: LocalHub,
    datasets: Datasets,
    monkeypatch: pytest.MonkeyPatch,
    match: str,
):
    use_xet(monkeypatch)
    hub.xet.offers_grants = True
    hub.fail(match, 500, times=1000)
    with pytest.raises(WikiEmbeddingsError, match=r"the transfer fails .*status 500") as refusal:
        datasets.publish(datasets.first)
    told = str(refusal.value)
    assert "Traceback" not in told
    assert "again later" in told
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
def test_a_commit_that_takes_the_hub_too_long_is_looked_at_and_else_made_in_halves(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], is_done: bool
):
    hub.most_operations, hub.commits_before_504 = 5, is_done
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    statuses = [request.status for request in hub.requests("/commit/")]
    assert statuses == ([504] if is_done else [504, 200, 200])


def test_the_limit_on_commits_is_waited_out(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(retries, "time", time)
    monkeypatch.setattr(pull_request, "_FILES_IN_A_COMMIT", 2)
    hub.commits_per_hour, hub.commit_window_s = 2, 1.0
    datasets.publish(datasets.first)
    assert is_well_published(hub, faultless)
    assert [request.status for request in hub.requests("/commit/")] == [200, 200, 429, 200]


def test_a_limit_on_commits_that_outlasts_patience_is_told_of(hub: LocalHub, datasets: Datasets):
    hub.fail("/commit/", 429, headers={"Retry-After": "86400"})
    with pytest.raises(WikiEmbeddingsError, match=r"status 429\. Run it again later"):
        datasets.publish(datasets.first)


def test_answers_that_come_in_pages_are_read_to_the_end(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.page_size, hub.discussions_page_size = 2, 1
    datasets.publish(datasets.first)
    hub.fail("/status", 400)
    with pytest.raises(WikiEmbeddingsError, match="status 400"):
        datasets.publish(datasets.second)
    hub.repository(REPO_ID).discussions += [
        replace(hub.repository(REPO_ID).discussions[0], num=number) for number in range(3, 6)
    ]
    datasets.publish(datasets.second)
    assert content_of(hub) == faultless[1]
    assert states_of(hub)[:2] == ["merged", "merged"]


def test_no_token_is_left_anywhere(
    hub: LocalHub,
    datasets: Datasets,
    transfer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    home = tmp_path / "home"
    for name, folder in {"HOME": home, "HF_HOME": home / "hf", "TMPDIR": home / "tmp"}.items():
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("HF_DEBUG", "1")
    hub.xet.offers_grants = True
    signed = {"lfs": "/upload/", "xet": "/v1/xorb-uploads/"}[transfer]
    hub.fail(signed, 503)
    hub.cut_upload(signed, 100)
    hub.lose_answer("/commit/")
    hub.fail("/merge", 400, times=1000)
    told, printed = start_publisher(datasets, datasets.first).ended()

    assert "answers with status 400" in told["error"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > len(datasets.first.files)
    said = [printed.encode(), *(path.read_bytes() for path in written)]
    assert not [secret for secret in SECRETS for text in said if secret.encode() in text]
