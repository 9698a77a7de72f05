"""The HTTP server: blocks of volumes, and blobs.

On Modal both lie in object stores, behind URLs that are signed for one request; here one server on
this machine has them, and a URL works for as long as the plane runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path

from aiohttp import web

from wiki_embeddings_tests.standins.modal.volume_contents import Contents

MAX_BODY_BYTES = 1024**3
"""Modal's client uploads a blob in one piece up to this size; larger ones are not modelled."""


class BlobStore:
    """A folder of blobs: inputs, outputs and files of mounts that are too large for a message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)

    def create(self) -> str:
        """Reserve the id of a blob that will be uploaded."""
        return f"bl-{uuid.uuid4().hex}"

    def put(self, data: bytes) -> str:
        """Store `data`, and return the id of the blob."""
        blob_id = self.create()
        self.path(blob_id).write_bytes(data)
        return blob_id

    def path(self, blob_id: str) -> Path:
        """Path of a blob, once it is uploaded."""
        return self._folder / blob_id

    def read(self, blob_id: str) -> bytes:
        """The bytes of a blob."""
        return self.path(blob_id).read_bytes()


class BlockServer:
    """Serves the contents of volumes and the blobs to Modal's client, on this machine only."""

    def __init__(self, contents: Contents, blobs: BlobStore) -> None:
        self._contents = contents
        self._blobs = blobs
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port; `url` is known from then on."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.put(r"/content/{digest:[0-9a-f]{64}}", self._put_content),
                web.get(r"/content/{digest:[0-9a-f]{64}}/{start:\d+}/{length:\d+}", self._content),
                web.put(r"/blob/{blob_id:bl-[0-9a-f]{32}}", self._put_blob),
                web.get(r"/blob/{blob_id:bl-[0-9a-f]{32}}", self._blob),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """End the connections and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _put_content(self, request: web.Request) -> web.Response:
        data = await request.read()
        digest = request.match_info["digest"]
        if hashlib.sha256(data).hexdigest() != digest:
            raise web.HTTPBadRequest(text="the block does not have the SHA-256 that was announced")
        await asyncio.to_thread(self._contents.put_bytes, data)
        return web.Response(text=f"stored {digest}")

    async def _content(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        if not self._contents.has(digest):
            raise web.HTTPNotFound(text="no such content")
        start, length = (int(request.match_info[name]) for name in ("start", "length"))
        data = await asyncio.to_thread(self._contents.read, digest, start, length)
        return web.Response(body=data)

    async def _put_blob(self, request: web.Request) -> web.Response:
        data = await request.read()
        path = self._blobs.path(request.match_info["blob_id"])
        await asyncio.to_thread(path.write_bytes, data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()  # as object stores answer
        return web.Response(headers={"ETag": f'"{md5}"'})

    async def _blob(self, request: web.Request) -> web.FileResponse:
        path = self._blobs.path(request.match_info["blob_id"])
        if not path.is_file():
            raise web.HTTPNotFound(text="no such blob")
        return web.FileResponse(path)
