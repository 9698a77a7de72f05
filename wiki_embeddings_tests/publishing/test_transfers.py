"""Broken connections and a busy Hub: waited out as the Hub asks, or explained."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from wiki_embeddings.downloads import retries
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing import hub_calls, pull_request
from wiki_embeddings.publishing.file_transfer import _transfer_error
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Datasets,
    ExpectedContent,
    pull_request_statuses,
    read_content,
    start_publisher,
    use_xet,
)
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.lfs import SIGNATURE
from wiki_embeddings_tests.standins.hub.xet_store import TOKEN_PREFIX

POST_REQUESTS = ["/repos/create", "/batch", "/verify", "/preupload/", "/discussions", "/commit/"]
POST_REQUESTS += ["/status", "/merge", "/tag/"]

GET_REQUESTS = ["/whoami-v2", "/api/models/", "/revision/main", "/refs", "/tree/"]

REQUIRED_POST_REQUESTS = [match for match in POST_REQUESTS if match != "/verify"]
"""Not `/verify`: the commit that names a file verifies it again."""

SECRETS = (WRITE_TOKEN, SIGNATURE, SIGNATURE.split("=")[1], TOKEN_PREFIX)


@pytest.fixture(autouse=True)
def _record_waits(waits: list[float]) -> None:
    """Retries in this process do not wait."""


@pytest.mark.parametrize("match", [*POST_REQUESTS, *GET_REQUESTS, "/upload/"])
def test_short_outages_are_overcome(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, match: str
):
    hub.fail(match, 500)
    hub.fail(match, 502)
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert [request.status for request in hub.requests(match)][:2] == [500, 502]


@pytest.mark.parametrize("match", ["/whoami-v2", "/batch", "/commit/", "/merge"])
def test_rate_limits_are_waited_out_for_as_long_as_the_hub_asks(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    waits: list[float],
    match: str,
):
    hub.fail(match, 429, headers={"Retry-After": "17"})
    hub.fail(match, 429, headers={"RateLimit": '"api";r=0;t=42'})
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert waits in ([17, 42], [18, 43])  # the client adds one where it waits by itself


@pytest.mark.parametrize("match", POST_REQUESTS)
def test_a_lost_answer_does_no_harm(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    waits: list[float],
    match: str,
):
    hub.lose_answer(match, "POST")
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert waits, "no answer was lost"


@pytest.mark.parametrize("match", [*REQUIRED_POST_REQUESTS, *GET_REQUESTS, "/upload/"])
def test_a_lasting_outage_is_reported(
    hub: LocalHub, datasets: Datasets, match: str, waits: list[float]
):
    hub.fail(match, 500, times=1000)
    with pytest.raises(WikiEmbeddingsError, match="answers with status 500") as caught:
        datasets.publish(datasets.first)
    message = str(caught.value)
    assert "again later" in message
    assert not [secret for secret in SECRETS if secret in message]
    assert 5 <= len(waits) <= 4 * 36, "gave up too soon, or too late"


def test_retries_really_wait(hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retries, "time", time)
    hub.fail("/commit/", 429, headers={"Retry-After": "1"})
    datasets.publish(datasets.first)
    refused, accepted = hub.requests("/commit/")
    assert accepted.at - refused.at >= 1


@pytest.mark.usefixtures("short_timeouts")
def test_lfs_transfers_that_stall_or_break_are_repeated(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    hub.stall_upload("/upload/", 1000)
    hub.cut_upload("/upload/", 1000)
    hub.lose_answer("/upload/")
    hub.fail("/upload/", 503)
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert len(hub.requests("/upload/")) == 4 + 3, "the store has what came before a lost answer"


@pytest.mark.parametrize("fault", ["status 500", "status 503", "status 403", "cut"])
def test_what_never_arrives_is_sent_a_few_times_only(
    hub: LocalHub, datasets: Datasets, waits: list[float], fault: str
):
    if fault.startswith("status"):
        hub.fail("/upload/", int(fault.split()[1]), times=10_000)
    else:
        hub.cut_upload("/upload/", 1000, times=10_000)
    with pytest.raises(WikiEmbeddingsError, match="4 of 4 shards of hub_dataset"):
        datasets.publish(datasets.first)
    sent = Counter(served.path.partition("?")[0] for served in hub.requests("/upload/"))
    assert len(sent) == 4
    assert set(sent.values()) == {6}
    size = sum(file.bytes for file in datasets.first.files)
    assert hub.received_bytes("/upload/") <= 6 * size
    assert sum(waits) / 4 > 60, "an outage of a minute is survived"


def test_what_never_arrives_by_xet_is_sent_a_few_times_only(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    use_xet(monkeypatch)
    monkeypatch.delenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS")
    hub_calls.configure_client.cache_clear()
    hub.fail("/v1/xorbs/", 500, times=10_000)
    with pytest.raises(WikiEmbeddingsError, match="4 of 4 shards of hub_dataset"):
        datasets.publish(datasets.first)
    sent = Counter(served.path for served in hub.requests("/v1/xorbs/"))
    assert set(sent.values()) == {12}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_upload_whose_address_has_expired_gets_a_new_one(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, status: int
):
    hub.fail("/upload/", status, times=2)
    datasets.publish(datasets.first)
    assert expected.is_published(hub)


@pytest.mark.parametrize("status", [403, 404])
def test_addresses_that_expire_while_a_dataset_is_read_back_are_renewed(
    hub: LocalHub, datasets: Datasets, status: int
):
    datasets.publish(datasets.first)
    hub.fail("/store/", status)
    assert datasets.check_readback(datasets.first).passed


def test_xet_transfers_that_stall_or_break_are_repeated(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    monkeypatch: pytest.MonkeyPatch,
):
    use_xet(monkeypatch)
    hub.stall_upload("/v1/xorbs/", 1000)
    hub.cut_upload("/v1/xorbs/", 1000, times=3)
    hub.lose_answer("/v2/shards", times=4)
    hub.fail("/xet-write-token/", 500, times=4)
    datasets.publish(datasets.first)
    assert expected.is_published(hub)


@pytest.mark.parametrize("match", ["/xet-write-token/", "/v1/xorb", "/v2/shards"])
def test_a_lasting_outage_of_the_xet_store_is_reported(
    hub: LocalHub,
    datasets: Datasets,
    monkeypatch: pytest.MonkeyPatch,
    match: str,
):
    use_xet(monkeypatch)
    hub.xet.offers_grants = True
    hub.fail(match, 500, times=1000)
    with pytest.raises(WikiEmbeddingsError, match=r"the transfer fails .*status 500") as caught:
        datasets.publish(datasets.first)
    message = str(caught.value)
    assert "Traceback" not in message
    assert "again later" in message
    assert not [secret for secret in SECRETS if secret in message]


@pytest.mark.parametrize("kind", [RuntimeError, ConnectionError, TimeoutError])
def test_a_failed_transfer_says_why_without_addresses(kind: type[Exception]):
    text = "I/O error: No space left on device (os error 28) at https://store/a?X-Signature=5ec2e7"
    message = str(_transfer_error(kind(text), "cantor/articles", "uploading"))
    assert "(I/O error: No space left on device (os error 28) at …)." in message


@pytest.mark.parametrize("is_handled", [True, False], ids=["handled", "not handled"])
def test_a_commit_that_times_out_is_looked_up_and_repeated_in_halves_if_missing(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, is_handled: bool
):
    hub.most_operations, hub.commits_before_504 = 5, is_handled
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    statuses = [request.status for request in hub.requests("/commit/")]
    assert statuses == ([504] if is_handled else [504, 200, 200])


def test_the_limit_on_commits_is_waited_out(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(retries, "time", time)
    monkeypatch.setattr(pull_request, "_FILES_PER_COMMIT", 2)
    hub.commits_per_hour, hub.commit_window_s = 2, 1.0
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert [request.status for request in hub.requests("/commit/")] == [200, 200, 429, 200]


def test_a_limit_on_commits_that_lasts_too_long_is_reported(hub: LocalHub, datasets: Datasets):
    hub.fail("/commit/", 429, headers={"Retry-After": "86400"})
    with pytest.raises(WikiEmbeddingsError, match=r"status 429\. Run it again later"):
        datasets.publish(datasets.first)


def test_all_pages_of_an_answer_are_read(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
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
    assert read_content(hub) == expected.second
    assert pull_request_statuses(hub)[:2] == ["merged", "merged"]


def test_no_token_is_written_or_printed(
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
    result, output = start_publisher(datasets, datasets.first).wait()

    assert "answers with status 400" in result["error"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > len(datasets.first.files)
    texts = [output.encode(), *(path.read_bytes() for path in written)]
    assert not [secret for secret in SECRETS for text in texts if secret.encode() in text]
