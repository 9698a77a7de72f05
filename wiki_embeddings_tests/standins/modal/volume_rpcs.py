# ruff: noqa: N802 - the methods are named as the RPCs that they answer
"""The RPCs of volumes: version 2 for clients, commit and reload for containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.volume_trees import (
    DIRECTORY,
    Entry,
    Kind,
    below,
    normal,
)
from wiki_embeddings_tests.standins.modal.volumes import Volume, VolumeStore

BLOCK_BYTES = 8 * 1024 * 1024
"""A file of version 2 travels in blocks of this size; only its last one is shorter."""

_FILE_TYPES = {
    Kind.FILE: api_pb2.FileEntry.FILE,
    Kind.DIRECTORY: api_pb2.FileEntry.DIRECTORY,
    Kind.SYMLINK: api_pb2.FileEntry.SYMLINK,
}


class VolumeRpcs:
    """The RPCs of volumes.

    Args:
        store: The volumes.
        calling_task_id: Returns the task id of the calling container, or None.
    """

    def __init__(self, store: VolumeStore, calling_task_id: Callable[[Any], str | None]) -> None:
        self._store = store
        self._who_calls = calling_task_id

    async def VolumeGetOrCreate(self, stream: Any) -> None:
        request = await stream.recv_message()
        volume = self._get_or_create(request)
        response = api_pb2.VolumeGetOrCreateResponse(
            volume_id=volume.volume_id,
            version=_version(volume.version),
            metadata=_metadata(volume),
        )
        await stream.send_message(response)

    async def VolumeGetById(self, stream: Any) -> None:
        request = await stream.recv_message()
        volume = self._store.get(request.volume_id)
        response = api_pb2.VolumeGetByIdResponse(
            volume_id=volume.volume_id, metadata=_metadata(volume)
        )
        await stream.send_message(response)

    async def VolumeList(self, stream: Any) -> None:
        request = await stream.recv_message()
        environment = _environment(request.environment_name)
        before = request.pagination.created_before or float("inf")
        volumes = [
            volume
            for volume in self._store.listed()
            if volume.environment == environment and volume.created_at < before
        ]
        items = [
            api_pb2.VolumeListItem(
                label=volume.name,
                volume_id=volume.volume_id,
                created_at=volume.created_at,
                metadata=_metadata(volume),
            )
            for volume in volumes[: request.pagination.max_objects or None]
        ]
        response = api_pb2.VolumeListResponse(items=items, environment_name=environment)
        await stream.send_message(response)

    async def VolumeDelete(self, stream: Any) -> None:
        request = await stream.recv_message()
        self._store.delete(request.volume_id)
        await stream.send_message(Empty())

    async def VolumeHeartbeat(self, stream: Any) -> None:
        request = await stream.recv_message()
        self._store.get(request.volume_id)
        await stream.send_message(Empty())

    async def VolumeCommit(self, stream: Any) -> None:
        request = await stream.recv_message()
        task_id = self._who_calls(stream)
        await asyncio.to_thread(self._store.commit, request.volume_id, task_id)
        skip_reload = not self._store.commit_reloads
        await stream.send_message(api_pb2.VolumeCommitResponse(skip_reload=skip_reload))

    async def VolumeReload(self, stream: Any) -> None:
        request = await stream.recv_message()
        task_id = self._who_calls(stream)
        await asyncio.to_thread(self._store.reload, request.volume_id, task_id)
        await stream.send_message(Empty())

    async def VolumeListFiles2(self, stream: Any) -> None:
        request = await stream.recv_message()
        tree = self._store.get(request.volume_id).tree
        path = _path(request.path)
        if path and tree.get(path) is None:
            raise GRPCError(Status.NOT_FOUND, f"No such file or directory: {request.path!r}.")
        if path and tree[path] != DIRECTORY:
            paths = [path]
        else:
            paths = list(below(tree, path, recursive=request.recursive))
        if request.HasField("max_entries"):
            paths = paths[: request.max_entries]
        entries = [_file_entry(path, tree[path]) for path in paths]
        await stream.send_message(api_pb2.VolumeListFiles2Response(entries=entries))

    async def VolumeGetFile2(self, stream: Any) -> None:
        request = await stream.recv_message()
        entry = self._store.get(request.volume_id).tree.get(_path(request.path))
        if entry is None:
            raise GRPCError(Status.NOT_FOUND, f"No such file: {request.path!r}.")
        if entry.kind is not Kind.FILE:
            message = f"{request.path!r} is a {entry.kind.value}, not a file."
            raise GRPCError(Status.INVALID_ARGUMENT, message)
        start = min(request.start, entry.size)
        end = min(start + request.len, entry.size) if request.len else entry.size
        response = api_pb2.VolumeGetFile2Response(
            get_urls=self._block_urls(entry, start, end),
            size=entry.size,
            start=start,
            len=end - start,
        )
        await stream.send_message(response)

    async def VolumePutFiles2(self, stream: Any) -> None:
        request = await stream.recv_message()
        tree = self._store.get(request.volume_id).tree
        for file in request.files:
            known = tree.get(_path(file.path))
            if known == DIRECTORY or (known and request.disallow_overwrite_existing_files):
                raise GRPCError(Status.ALREADY_EXISTS, f"{file.path}: already exists.")
        missing = self._missing_blocks(request.files)
        if not missing:
            entries = await asyncio.to_thread(self._assemble, request.files)
            await asyncio.to_thread(self._store.write, request.volume_id, entries)
        await stream.send_message(api_pb2.VolumePutFiles2Response(missing_blocks=missing))

    async def VolumeRemoveFile2(self, stream: Any) -> None:
        request = await stream.recv_message()
        path = _path(request.path)
        await asyncio.to_thread(
            self._store.remove, request.volume_id, path, recursive=request.recursive
        )
        await stream.send_message(Empty())

    def _get_or_create(self, request: api_pb2.VolumeGetOrCreateRequest) -> Volume:
        name, environment = request.deployment_name, _environment(request.environment_name)
        version = request.version or api_pb2.VOLUME_FS_VERSION_V1
        if request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL:
            return self._store.create("", environment, version)
        volume = self._store.find(name, environment)
        match request.object_creation_type:
            case api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
                if volume is None:
                    message = f"Volume {name!r} not found in environment {environment!r}."
                    raise GRPCError(Status.NOT_FOUND, message)
            case api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                pass
            case api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS:
                if volume is not None:
                    raise GRPCError(Status.ALREADY_EXISTS, f"Volume {name!r} already exists.")
            case other:
                message = f"object creation type {other} is not modelled for volumes"
                raise GRPCError(Status.UNIMPLEMENTED, message)
        return volume or self._store.create(name, environment, version)

    def _block_urls(self, entry: Entry, start: int, end: int) -> list[str]:
        """One URL for each block in the range from `start` to `end`."""
        urls = []
        while start < end:
            length = min(end, (start // BLOCK_BYTES + 1) * BLOCK_BYTES) - start
            urls.append(f"{self._store.blocks_url()}/content/{entry.content}/{start}/{length}")
            start += length
        return urls

    def _missing_blocks(self, files: Any) -> list[api_pb2.VolumePutFiles2Response.MissingBlock]:
        return [
            api_pb2.VolumePutFiles2Response.MissingBlock(
                file_index=file_index,
                block_index=block_index,
                put_url=f"{self._store.blocks_url()}/content/{block.contents_sha256.hex()}",
            )
            for file_index, file in enumerate(files)
            for block_index, block in enumerate(file.blocks)
            if not self._store.contents.has(block.contents_sha256.hex())
        ]

    def _assemble(self, files: Any) -> dict[str, Entry]:
        """Entries of uploaded files; the client leaves out the zeros at the end of a block."""
        contents = self._store.contents
        entries = {}
        for file in files:
            blocks = [contents.read(block.contents_sha256.hex()) for block in file.blocks]
            data = b"".join(block.ljust(BLOCK_BYTES, b"\0") for block in blocks)[: file.size]
            mode = file.mode if file.HasField("mode") else 0o644
            digest = contents.put_bytes(data)
            entries[_path(file.path)] = Entry(Kind.FILE, digest, file.size, mode)
        return entries


def _environment(name: str) -> str:
    return name or "main"


def _version(number: int) -> api_pb2.VolumeFsVersion.ValueType:
    return api_pb2.VOLUME_FS_VERSION_V2 if number == 2 else api_pb2.VOLUME_FS_VERSION_V1


def _metadata(volume: Volume) -> api_pb2.VolumeMetadata:
    return api_pb2.VolumeMetadata(
        version=_version(volume.version),
        name=volume.name,
        creation_info=api_pb2.CreationInfo(created_at=volume.created_at, created_by="tests"),
    )


def _path(path: str) -> str:
    try:
        return normal(path)
    except ValueError as error:
        raise GRPCError(Status.INVALID_ARGUMENT, str(error)) from error


def _file_entry(path: str, entry: Entry) -> api_pb2.FileEntry:
    return api_pb2.FileEntry(
        path=path,
        type=_FILE_TYPES[entry.kind],
        size=entry.size,
        mtime=entry.mtime_ns // 1_000_000_000,
    )
