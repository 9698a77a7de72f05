"""The HTTP side of the content-addressed store: clients send xorbs, then shards that use them.

Uploads only. Downloads go to the other store: the local Hub never answers a file's Xet hash, so
clients do not ask for its pieces. Shards are answered in the second version of the API, which the
client tries first. Upload grants are not documented; their format is read off the client.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import IO
from urllib.parse import SplitResult

from wiki_embeddings_tests.standins.hub.answers import RefusalError
from wiki_embeddings_tests.standins.hub.handlers import LocalHubHandler
from wiki_embeddings_tests.standins.hub.lfs import SIGNATURE
from wiki_embeddings_tests.standins.hub.repositories import Repository
from wiki_embeddings_tests.standins.hub.xet_formats import XetFormatError

NDJSON = {"Content-Type": "application/x-ndjson"}

SHARD_IS_KEPT = b'{"type": "validating", "verified": 1, "total": 1}\n{"type": "result"}\n'
"""Progress, then the end; the real store sends progress while it works, this one afterwards."""


class XetHandler(LocalHubHandler):
    """Answers requests with a token that the Hub granted, or with a signed address."""

    def answer(self, url: SplitResult, body: IO[bytes]) -> None:
        version, kind, *names = url.path.strip("/").split("/")
        try:
            match version, kind:
                case "v1", "telemetry":
                    self.send_json(HTTPStatus.OK, {}, {})
                case "v1", "xorb-uploads" if url.query == SIGNATURE:
                    self.hub.xet.add_xorb(names[0], body)
                    self.send(HTTPStatus.OK, {}, b"")
                case "v1", "chunks":
                    self._answer_chunk(names[1])
                case "v1", "xorbs":
                    self._repository()
                    is_new = self.hub.xet.add_xorb(names[1], body)
                    self.send_json(HTTPStatus.OK, {"was_inserted": is_new}, {})
                case "v1", "xorb-grants":
                    self._answer_grant(names[1])
                case "v1", "xorb-commits":
                    self._answer_commit(names[1])
                case "v2", "shards":
                    self.hub.xet.add_shard(self._repository(), body.read())
                    self.send(HTTPStatus.OK, NDJSON, SHARD_IS_KEPT)
                case _:
                    raise _not_found(f"the local Hub does not model {url.path}")
        except XetFormatError as error:
            raise RefusalError(HTTPStatus.BAD_REQUEST, None, str(error)) from error

    def _repository(self) -> Repository:
        """The repository of the request's token."""
        token = self.served.headers.get("authorization", "").removeprefix("Bearer ")
        repository = self.hub.xet.granted_repository(token)
        if repository is None:
            raise RefusalError(HTTPStatus.UNAUTHORIZED, None, "The token is wrong or has expired.")
        return repository

    def _answer_chunk(self, chunk: str) -> None:
        """Answer the known neighbours of a chunk, which the client need not send."""
        self._repository()
        shard = self.hub.xet.shard_with(chunk)
        if shard is None:
            raise _not_found("nobody has sent this chunk")
        self.send(HTTPStatus.OK, {"Content-Type": "application/octet-stream"}, shard)

    def _answer_grant(self, xorb: str) -> None:
        """Answer where to send a xorb: to a signed address, here, or nowhere if it is known."""
        self._repository()
        if not self.hub.xet.offers_grants:
            raise _not_found("xorbs are sent to the store itself")
        if self.hub.xet.has_xorb(xorb):
            self.send_json(HTTPStatus.OK, {}, {})
            return
        address = f"{self.hub.xet_url}/v1/xorb-uploads/{xorb}?{SIGNATURE}"
        grant = {"id": xorb[:8], "method": "PUT", "url": address, "headers": {}}
        self.send_json(HTTPStatus.CREATED, grant, {})

    def _answer_commit(self, xorb: str) -> None:
        """Complete an upload by grant."""
        self._repository()
        if not self.hub.xet.has_xorb(xorb):
            raise _not_found("nothing came for this grant")
        self.send_json(HTTPStatus.OK, {"was_inserted": True}, {})


def _not_found(message: str) -> RefusalError:
    return RefusalError(HTTPStatus.NOT_FOUND, None, message)
