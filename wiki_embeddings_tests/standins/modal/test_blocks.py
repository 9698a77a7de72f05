"""What the HTTP server beside the control plane refuses; that it serves, the other tests show."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import aiohttp
import pytest

from wiki_embeddings_tests.standins.modal.blocks import BlobStore, BlockServer
from wiki_embeddings_tests.standins.modal.volume_contents import Contents


@pytest.fixture
def server(tmp_path):
    return BlockServer(Contents(tmp_path / "contents"), BlobStore(tmp_path / "blobs"))


async def status_of(server: BlockServer, method: str, path: str, data: bytes = b"") -> int:
    await server.start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, server.url + path, data=data) as answer,
        ):
            return answer.status
    finally:
        await server.stop()


REQUESTS = {
    "a block with another checksum": ("PUT", f"/content/{sha256(b'one').hexdigest()}", 400),
    "a block that nobody uploaded": ("GET", f"/content/{sha256(b'one').hexdigest()}/0/3", 404),
    "a blob that nobody uploaded": ("GET", f"/blob/bl-{'0' * 32}", 404),
    "a path that leaves the folder": ("GET", "/blob/..%2Fcontents", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS.values(), ids=REQUESTS)
def test_refuses(server, method, path, status):
    assert asyncio.run(status_of(server, method, path, b"two")) == status
