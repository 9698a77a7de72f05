"""What goes wrong with writing to the local Hub, by its limits and to order."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import _http

from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, Held, LocalHub
from wiki_embeddings_tests.standins.hub.clients import run_client, start_client
from wiki_embeddings_tests.standins.hub.fixtures import without_xet

REPO = "cantor/articles"
LARGE = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(LARGE).hexdigest()

UPLOAD = """
import huggingface_hub
add = huggingface_hub.CommitOperationAdd("data/one.parquet", bytes(range(256)) * 1000)
huggingface_hub.preupload_lfs_files("cantor/articles", [add], repo_type="dataset")
print("{}")
"""


@pytest.fixture(autouse=True)
def _client_as_delivered(monkeypatch):
    """Use LFS, and the client without what other tests of this process have set up."""
    without_xet(monkeypatch)
    monkeypatch.setattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()


@pytest.fixture(name="api")
def _api(hub: LocalHub) -> HfApi:
    hub.add(REPO, {"README.md": b""})
    return HfApi(endpoint=hub.url, token=WRITE_TOKEN)


def commit(api: HfApi, files: dict[str, bytes]):
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(REPO, operations, commit_message="A commit", repo_type="dataset")


def kill_once_reached(held: Held, client: subprocess.Popen[str]) -> None:
    assert held.reached.wait(60)
    client.kill()
    client.communicate()


def test_commits_are_limited(hub: LocalHub, api: HfApi):
    hub.commits_per_hour, hub.commit_window_s = 2, 3600
    commit(api, {"a.txt": b"1"})
    commit(api, {"a.txt": b"2"})
    with pytest.raises(HfHubHTTPError, match=r"repository commits \(2 per hour\)") as raised:
        commit(api, {"a.txt": b"3"})
    assert raised.value.response.status_code == 429
    assert 3000 < int(raised.value.response.headers["Retry-After"]) <= 3600
    hub.commit_window_s = 0.0
    commit(api, {"a.txt": b"3"})


@pytest.mark.parametrize("is_done", [True, False])
def test_a_commit_of_too_many_files_times_out(hub: LocalHub, api: HfApi, is_done: bool):
    hub.most_operations, hub.commits_before_504 = 2, is_done
    files = {f"{number}.txt": b"a" for number in range(3)}
    with pytest.raises(HfHubHTTPError, match="504"):
        commit(api, files)
    assert ("2.txt" in hub.files(REPO)) is is_done


def test_a_lost_answer_hides_a_commit_that_was_made(hub: LocalHub, api: HfApi):
    hub.lose_answer("/commit/", "POST")
    with pytest.raises(httpx2.RemoteProtocolError):
        commit(api, {"a.txt": b"a"})
    assert hub.files(REPO)["a.txt"].data == b"a"


def test_an_upload_that_is_cut_is_repeated_by_the_client(hub: LocalHub, api: HfApi):
    hub.cut_upload("/upload/", 1000, method="PUT")
    commit(api, {"one.parquet": LARGE})
    assert [each.received_bytes for each in hub.requests("/upload/")] == [1000, len(LARGE)]
    assert hub.files(REPO)["one.parquet"].data == LARGE


def test_a_fault_hits_only_its_method(hub: LocalHub, api: HfApi):
    hub.fail("/api/", 500, method="POST")
    assert api.repo_exists(REPO, repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="500"):
        api.create_tag(REPO, tag="1", repo_type="dataset")


def test_only_the_request_that_is_meant_is_held(hub: LocalHub, api: HfApi):
    held = hub.hold("/tree/", "GET", skip=1)
    first = api.list_repo_files(REPO, repo_type="dataset")
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(api.list_repo_files, REPO, repo_type="dataset")
        assert held.reached.wait(60)
        assert not second.done()
        held.release()
        assert second.result() == first


def test_a_body_in_chunks_is_read(hub: LocalHub):
    content = (piece for piece in (b'{"content": "---', b"\\na: 1", b'\\n---\\n"}'))
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(f"{hub.url}/api/validate-yaml", content=content)
    assert answer.json() == {"errors": [], "warnings": []}


@pytest.mark.usefixtures("api")
def test_a_request_that_breaks_off_is_not_answered(hub: LocalHub):
    body = b'{"tag": "20231101"}'
    head = (
        f"POST /api/datasets/{REPO}/tag/main HTTP/1.1\r\nHost: hub\r\n"
        f"Authorization: Bearer {WRITE_TOKEN}\r\nContent-Length: {len(body) + 1}\r\n\r\n"
    )
    address = urlsplit(hub.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert "refs/tags/20231101" not in hub.repository(REPO).refs


@pytest.mark.usefixtures("api")
def test_a_client_is_killed_at_a_request_that_is_then_dropped(hub: LocalHub, tmp_path: Path):
    held = hub.hold("/upload/", "PUT")
    kill_once_reached(held, start_client(UPLOAD, hub, tmp_path, token=WRITE_TOKEN))
    held.drop()
    run_client(UPLOAD, hub, tmp_path, token=WRITE_TOKEN)
    assert [each.status for each in hub.requests("/upload/")] == [0, 200]


@pytest.mark.usefixtures("api")
def test_a_request_takes_effect_although_its_client_is_killed(hub: LocalHub, tmp_path: Path):
    held = hub.hold("/upload/", "PUT")
    kill_once_reached(held, start_client(UPLOAD, hub, tmp_path, token=WRITE_TOKEN))
    assert not hub.repository(REPO).objects
    held.release()
    while not hub.repository(REPO).objects:
        time.sleep(0.02)
    run_client(UPLOAD, hub, tmp_path, token=WRITE_TOKEN)
    assert len(hub.requests("/upload/")) == 1


@pytest.mark.usefixtures("api")
def test_an_upload_stalls_until_its_client_is_killed(hub: LocalHub, tmp_path: Path):
    hub.stall_upload("/upload/", 1000, method="PUT")
    client = start_client(UPLOAD, hub, tmp_path, token=WRITE_TOKEN)
    while hub.received_bytes("/upload/") < 1000:
        assert client.poll() is None
        time.sleep(0.02)
    client.kill()
    client.communicate()
    assert not hub.repository(REPO).objects


def test_an_altered_file_is_visible_to_all(hub: LocalHub, api: HfApi):
    commit(api, {"one.parquet": LARGE})
    altered = hub.alter_stored(REPO, "main", "one.parquet", b"other")
    assert api.dataset_info(REPO).sha == altered
    path = api.hf_hub_download(REPO, "one.parquet", repo_type="dataset")
    assert Path(path).read_bytes() == b"other"
