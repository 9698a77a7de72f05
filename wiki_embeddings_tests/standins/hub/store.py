"""The store for large files of the local Hub, on its own server, as the real Hub uses S3."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import SplitResult, parse_qs, unquote
from xml.sax.saxutils import escape

from wiki_embeddings_tests.standins.hub.answers import REPO_TYPES, RefusalError
from wiki_embeddings_tests.standins.hub.handlers import LocalHubHandler
from wiki_embeddings_tests.standins.hub.lfs import SIGNATURE, keep, part_etag


class StoreHandler(LocalHubHandler):
    """Sends and receives files; only with a signed address."""

    def answer(self, url: SplitResult, body: IO[bytes]) -> None:
        query = parse_qs(url.query)
        if "authorization" in self.served.headers or SIGNATURE not in url.query.split("&"):
            message = "Only one way of authentication is allowed, and the signature is it."
            raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
        if self.command == "PUT" and "content-length" not in self.served.headers:
            message = "A header you provided implies functionality that is not implemented."
            raise RefusalError(HTTPStatus.NOT_IMPLEMENTED, None, message)
        steps = tuple(unquote(step) for step in url.path.strip("/").split("/"))
        _, plural, namespace, name, *rest = steps
        repository = self.hub.repositories[REPO_TYPES[plural], f"{namespace}/{name}"]
        if self.command != "PUT":
            commit, *path = rest
            self.send_file(repository.commits[commit].files["/".join(path)], {})
        elif "uploadId" in query:
            self._receive_part(query["uploadId"][0], int(query["partNumber"][0]), body)
        else:
            keep(self.hub, repository, rest[0], self._on_disk(body))
            self.send(HTTPStatus.OK, {"ETag": f'"{rest[0]}"'}, b"")

    def refuse(self, refusal: RefusalError) -> None:
        """Send a refusal as S3 does, without the headers that only the Hub sends."""
        body = f"<Error><Message>{escape(refusal.message)}</Message></Error>"
        self.send(refusal.status, {"Content-Type": "application/xml"}, body.encode())

    def _receive_part(self, upload_id: str, number: int, body: IO[bytes]) -> None:
        """Store one part of an object."""
        path = self._on_disk(body)
        self.hub.partial_uploads[upload_id].parts[number] = path
        self.send(HTTPStatus.OK, {"ETag": part_etag(path.read_bytes())}, b"")

    def _on_disk(self, body: IO[bytes]) -> Path:
        path = self.hub.objects.new_path()
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)
        return path
