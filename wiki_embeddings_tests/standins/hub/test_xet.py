"""The real client uploads by Xet, as it does unless it is told not to, in processes of its own."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.clients import client_environment
from wiki_embeddings_tests.standins.hub.objects import ObjectStore
from wiki_embeddings_tests.standins.hub.xet_formats import (
    XetFormatError,
    read_shard,
    read_xorb,
)
from wiki_embeddings_tests.standins.hub.xet_store import TOKEN_PREFIX, XetStore

REPOSITORY = "cantor/numbers"

UPLOAD = """
import json, sys
from pathlib import Path
from huggingface_hub import CommitOperationAdd, HfApi
api, paths = HfApi(), sys.argv[1:]
additions = [CommitOperationAdd(Path(path).name, path) for path in paths]
try:
    api.preupload_lfs_files("cantor/numbers", additions, repo_type="dataset", revision="main")
    api.create_commit("cantor/numbers", additions, commit_message="More", repo_type="dataset")
    failure = None
except Exception as error:
    failure = [type(error).__qualname__, str(error)]
print(json.dumps(failure))
"""

DOWNLOAD = """
import hashlib, json, pathlib, sys, huggingface_hub
paths = [huggingface_hub.hf_hub_download("cantor/numbers", name, repo_type="dataset")
         for name in sys.argv[1:]]
print(json.dumps([hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() for path in paths]))
"""


def start(code: str, hub: LocalHub, home: Path, token: str, *paths: str) -> subprocess.Popen[str]:
    """Starts a client that uses Xet and does not wait long before it tries again."""
    environment = client_environment(hub, home, disable_xet="0", token=token) | {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_XET_CLIENT_RETRY_BASE_DELAY": "10ms",
        "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "2",
    }
    command = [sys.executable, "-c", code, *paths]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def run(code: str, hub: LocalHub, home: Path, token: str, *paths: str) -> object:
    """Runs such a client; returns what it prints."""
    client = start(code, hub, home, token, *paths)
    printed, _ = client.communicate()
    assert client.returncode == 0
    return json.loads(printed)


def upload(hub: LocalHub, home: Path, *paths: Path, token: str = WRITE_TOKEN) -> object:
    """Uploads files to the root of `REPOSITORY`; returns type and text of the error, if any."""
    return run(UPLOAD, hub, home, token, *map(str, paths))


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def parquet() -> bytes:
    texts = [f"Row {number} says {number * number}." for number in range(50_000)]
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), stream, compression="zstd")
    return stream.getvalue()


CONTENTS = {
    "chunks.bin": noise(1, 500_000),
    "floats.npy": np.linspace(0, 1, 100_000, dtype=np.float32).tobytes() + b"odd",
    "words.gz": b"the same few words again and again " * 20_000,
    "table.parquet": parquet(),
    "one.bin": b"1",
}


@pytest.fixture(name="numbers")
def numbers_fixture(hub: LocalHub) -> LocalHub:
    hub.add(REPOSITORY, {"README.md": b"Numbers"})
    return hub


@pytest.mark.parametrize("offers_grants", [False, True])
def test_files_of_all_kinds_arrive_unchanged(
    numbers: LocalHub, tmp_path: Path, offers_grants: bool
):
    numbers.xet.offers_grants = offers_grants
    paths = [written(tmp_path, name, content) for name, content in CONTENTS.items()]

    assert upload(numbers, tmp_path / "up", *paths) is None
    digests = run(DOWNLOAD, numbers, tmp_path / "down", "", *CONTENTS)

    assert digests == [hashlib.sha256(content).hexdigest() for content in CONTENTS.values()]
    assert bool(numbers.requests("/xorb-uploads/")) == offers_grants
    assert bool(numbers.requests("/xorbs/")) != offers_grants
    assert not numbers.requests("/info/lfs/")


def test_chunks_are_stored_plain_and_compressed_and_grouped(numbers: LocalHub, tmp_path: Path):
    paths = [written(tmp_path, name, content) for name, content in CONTENTS.items()]

    upload(numbers, tmp_path / "home", *paths)

    xorbs = list(numbers.objects.folder.glob("xorb-*"))
    schemes = {chunk.scheme for path in xorbs for chunk in read_xorb(io.BytesIO(path.read_bytes()))}
    assert schemes == {0, 1, 2}


def test_content_that_the_store_has_is_not_sent_again(numbers: LocalHub, tmp_path: Path):
    old = noise(2, 2_000_000)
    path = written(tmp_path, "a.bin", old)
    upload(numbers, tmp_path / "first", path)
    first = numbers.received_bytes("/v")

    upload(numbers, tmp_path / "elsewhere", path)
    again = numbers.received_bytes("/v") - first
    new = written(tmp_path, "b.bin", old[:1_000_000] + b"something new" + old[1_000_000:])
    upload(numbers, tmp_path / "elsewhere", new)
    changed = numbers.received_bytes("/v") - first - again

    assert first > 2_000_000
    assert again < 10_000
    assert changed < 500_000
    assert numbers.files(REPOSITORY)["b.bin"].data == new.read_bytes()


def test_chunks_shared_by_two_files_are_sent_once(numbers: LocalHub, tmp_path: Path):
    shared = noise(3, 1_000_000)
    first, second = (written(tmp_path, f"{kind}.bin", shared + kind.encode()) for kind in "ab")

    upload(numbers, tmp_path / "home", first)
    upload(numbers, tmp_path / "home", second)

    assert numbers.received_bytes("/xorbs/") < 1_500_000
    assert numbers.files(REPOSITORY)["b.bin"].data == shared + b"b"


@pytest.mark.parametrize("offers_grants", [False, True])
def test_a_killed_client_sends_again_what_no_grant_saves(
    numbers: LocalHub, tmp_path: Path, offers_grants: bool
):
    numbers.xet.offers_grants = offers_grants
    path = written(tmp_path, "a.bin", noise(4, 1_000_000))
    held = numbers.hold("/shards")
    with start(UPLOAD, numbers, tmp_path / "home", WRITE_TOKEN, str(path)) as client:
        assert held.reached.wait(30)
        client.kill()
    held.drop()
    assert not numbers.repository(REPOSITORY).objects

    assert upload(numbers, tmp_path / "home", path) is None

    times_sent = numbers.received_bytes("/xorb") // 1_000_000
    assert times_sent == (1 if offers_grants else 2)
    assert numbers.files(REPOSITORY)["a.bin"].data == path.read_bytes()


def test_passing_faults_are_overcome(numbers: LocalHub, tmp_path: Path):
    numbers.fail("/xet-write-token/", 500)
    numbers.fail("/xorbs/", 503)
    numbers.cut_upload("/xorbs/", 1000)
    numbers.fail("/shards", 500)
    numbers.lose_answer("/shards")
    path = written(tmp_path, "a.bin", noise(5, 200_000))

    assert upload(numbers, tmp_path / "home", path) is None

    assert numbers.files(REPOSITORY)["a.bin"].data == path.read_bytes()
    assert len(numbers.requests("/shards")) == 3


def test_a_store_that_stalls_is_left_after_the_read_timeout(
    numbers: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_XET_CLIENT_READ_TIMEOUT", "2s")
    numbers.stall_upload("/xorbs/", 1000)
    path = written(tmp_path, "a.bin", noise(13, 200_000))

    assert upload(numbers, tmp_path / "home", path) is None

    assert len(numbers.requests("/xorbs/")) >= 2
    assert numbers.files(REPOSITORY)["a.bin"].data == path.read_bytes()


@pytest.mark.parametrize(
    ("match", "status", "said"),
    [
        ("/xet-write-token/", 429, "Rate limited: Request error: HTTP status client error (429"),
        ("/xorbs/", 500, "Server error: Request error: HTTP status server error (500"),
        ("/shards", 400, "Network error: Request error: HTTP status client error (400"),
    ],
)
def test_lasting_faults_are_connection_errors(
    numbers: LocalHub, tmp_path: Path, match: str, status: int, said: str
):
    numbers.fail(match, status, times=100)
    path = written(tmp_path, "a.bin", noise(6, 200_000))

    failure = upload(numbers, tmp_path / "home", path)

    assert isinstance(failure, list)
    assert failure[0] == "ConnectionError"
    assert failure[1].startswith(said)
    assert "a.bin" not in numbers.files(REPOSITORY)


def test_an_account_without_write_access_is_refused_before_the_first_byte(
    numbers: LocalHub, tmp_path: Path
):
    path = written(tmp_path, "a.bin", noise(7, 200_000))

    address = f"{numbers.url}/api/datasets/{REPOSITORY}/xet-write-token/main"
    answer = httpx2.get(address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    failure = upload(numbers, tmp_path / "home", path, token=TOKEN)

    assert answer.status_code == 403
    assert "write token" in answer.headers["X-Error-Message"]
    assert isinstance(failure, list)
    assert "you must use a write token" in failure[1]
    assert not numbers.received_bytes("/xorb")


def test_a_private_repository_without_space_is_refused_before_the_first_byte(
    hub: LocalHub, tmp_path: Path
):
    hub.add(REPOSITORY, {"old.bin": noise(8, 1000)}, private=True)
    hub.private_quota_bytes = 1000

    failure = upload(hub, tmp_path / "home", written(tmp_path, "a.bin", noise(9, 200_000)))

    assert isinstance(failure, list)
    assert "(403 Forbidden)" in failure[1]
    assert "/xet-write-token/main" in failure[1]
    assert not hub.received_bytes("/xorb")


def test_a_token_that_expires_is_renewed(numbers: LocalHub, tmp_path: Path):
    numbers.xet.token_lifetime_s = 20  # the client takes another 30 s before it expires
    path = written(tmp_path, "a.bin", noise(10, 200_000))

    assert upload(numbers, tmp_path / "home", path) is None

    assert len(numbers.requests("/xet-write-token/")) > 1


def test_no_token_lies_in_what_the_client_leaves_behind(numbers: LocalHub, tmp_path: Path):
    home = tmp_path / "home"
    upload(numbers, home, written(tmp_path, "a.bin", noise(11, 200_000)))

    left = [path for path in home.rglob("*") if path.is_file()]

    assert any(path.suffix == ".log" for path in left)
    assert any(path.suffix == ".mdb" for path in left)
    secrets = (WRITE_TOKEN.encode(), TOKEN_PREFIX.encode())
    assert not [path for path in left for secret in secrets if secret in path.read_bytes()]


def test_the_store_requires_a_token_granted_by_the_hub(numbers: LocalHub):
    address = f"{numbers.xet_url}/v2/shards"
    headers = {"Authorization": f"Bearer {WRITE_TOKEN}"}

    assert httpx2.post(address, headers=headers, trust_env=False).status_code == 401


@pytest.mark.parametrize("xorb", [b"", b"\0\1", b"\0" + b"\xff" * 7, b"\0\x05\0\0\0\x05\0\0four"])
def test_bytes_that_are_no_xorb_are_refused(xorb: bytes):
    with pytest.raises(XetFormatError):
        read_xorb(io.BytesIO(xorb))


def test_a_shard_that_cannot_be_true_is_refused(numbers: LocalHub, tmp_path: Path):
    path = written(tmp_path, "a.bin", noise(12, 200_000))
    upload(numbers, tmp_path / "home", path)
    (cached,) = (tmp_path / "home").rglob("*.mdb")
    shard = cached.read_bytes()
    (record,) = read_shard(shard).files
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    digest = b"".join(bytes.fromhex(record.sha256[at : at + 16])[::-1] for at in range(0, 64, 16))
    assert digest in shard
    repository = numbers.repository(REPOSITORY)

    with pytest.raises(XetFormatError, match="no shard"):
        read_shard(b"something else")
    with pytest.raises(XetFormatError, match="within a section"):
        read_shard(shard[:200])
    with pytest.raises(XetFormatError, match="never sent"):
        XetStore(ObjectStore()).add_shard(repository, shard)
    with pytest.raises(XetFormatError, match="has the SHA-256"):
        numbers.xet.add_shard(repository, shard.replace(digest, bytes(32)))
