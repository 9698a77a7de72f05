"""Large objects by LFS: upload addresses, in one piece or in parts.

The store (`store.py`) takes the bytes. All that it needs is in the addresses that are issued here,
as in those that S3 signs.
"""

from __future__ import annotations

import hashlib
import uuid
from http import HTTPStatus
from math import ceil
from pathlib import Path
from typing import Any

from wiki_embeddings_tests.standins.hub.access import check_private_quota, require_uploader
from wiki_embeddings_tests.standins.hub.answers import Answer, RefusalError, Request
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub, PartialUpload
from wiki_embeddings_tests.standins.hub.repositories import Repository

SIGNATURE = "X-Amz-Signature=signature_of_the_store"
"""What an address of the store needs, in place of a token."""


def lfs_answer(request: Request, repository: Repository, action: str) -> Answer:
    """Answer `….git/info/lfs/objects/{batch|verify}`."""
    if action == "verify":
        return _verify(request, repository)
    return _batch(request, repository)


def complete(request: Request) -> Answer:
    """Join the parts of an object; its address is signed, so no token is needed."""
    hub = request.hub
    upload_id = request.query["uploadId"][0]
    upload = hub.partial_uploads[upload_id]
    whole = hub.objects.new_path()
    with whole.open("wb") as joined:
        for part in request.json()["parts"]:
            path = upload.parts.get(part["partNumber"])
            content = path.read_bytes() if path else b""
            if path is None or part_etag(content) != part["etag"]:
                message = f"One or more of the specified parts could not be found: {part}"
                raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
            joined.write(content)
    keep(hub, upload.repository, upload.sha256, whole)
    for path in hub.partial_uploads.pop(upload_id).parts.values():
        path.unlink()
    return Answer({"success": True})


def keep(hub: LocalHub, repository: Repository, sha256: str, path: Path) -> None:
    """Add an uploaded object to a repository, from a file in the store's folder.

    Raises:
        RefusalError: It is not the announced object.
    """
    try:
        hub.objects.adopt(sha256, path)
    except ValueError as error:
        raise RefusalError(HTTPStatus.BAD_REQUEST, None, f"BadDigest: {error}") from error
    repository.objects.add(sha256)


def part_etag(content: bytes) -> str:
    """The ETag of a part."""
    return f'"{hashlib.md5(content).hexdigest()}"'


def _batch(request: Request, repository: Repository) -> Answer:
    asked = request.json()
    require_uploader(repository, request.headers, asked.get("ref", {}).get("name"))
    objects = asked["objects"]
    missing = [each for each in objects if each["oid"] not in repository.objects]
    check_private_quota(request.hub, repository, sum(each["size"] for each in missing))
    by_parts = any(each["size"] > request.hub.multipart_above for each in missing)
    answers = [
        {**each, "actions": _actions(request.hub, repository, each)} if each in missing else each
        for each in objects
    ]
    return Answer({"transfer": "multipart" if by_parts else "basic", "objects": answers})


def _actions(hub: LocalHub, repository: Repository, asked: dict[str, Any]) -> dict[str, Any]:
    """Addresses to upload an object to, and to verify it at."""
    sha256, size = asked["oid"], asked["size"]
    verify = {"href": f"{hub.url}/{repository.path}.git/info/lfs/objects/verify", "header": {}}
    place = f"{hub.store_url}/upload/{repository.repo_type}s/{repository.repo_id}/{sha256}"
    if size <= hub.multipart_above:
        return {"upload": {"href": f"{place}?{SIGNATURE}"}, "verify": verify}
    upload_id = uuid.uuid4().hex
    upload = PartialUpload(repository, sha256, size, hub.multipart_bytes)
    hub.partial_uploads[upload_id] = upload
    parts = {
        f"{number:05}": f"{place}?partNumber={number}&uploadId={upload_id}&{SIGNATURE}"
        for number in range(1, ceil(size / upload.part_bytes) + 1)
    }
    header = {"chunk_size": str(upload.part_bytes), **parts}
    href = f"{hub.url}/api/complete_multipart?uploadId={upload_id}"
    return {"upload": {"href": href, "header": header}, "verify": verify}


def _verify(request: Request, repository: Repository) -> Answer:
    asked = request.json()
    if asked["oid"] not in repository.objects:
        raise RefusalError(HTTPStatus.NOT_FOUND, None, f"Object {asked['oid']} not found")
    return Answer({})
