# ruff: noqa: N802
"""What a deployment leaves on the server besides functions: mounts, images, secrets and blobs."""

from __future__ import annotations

import hashlib
import json
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.accounts import (
    ENVIRONMENT,
    IMAGE_BUILDER_VERSION,
    check_environment,
)
from wiki_embeddings_tests.standins.modal.blocks import BlobStore
from wiki_embeddings_tests.standins.modal.rpc import unary


def new_id(prefix: str) -> str:
    """A random id like the real ones, with the prefix of its kind."""
    return f"{prefix}-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class ImageLayer:
    """One layer of an image as requested; nothing is built.

    Attributes:
        id: The id that the client was given.
        definition: The message of the client.
        bases: Ids of the layers below.
        build_function_id: The function to run in the layer; recorded, not run.
    """

    id: str
    definition: api_pb2.Image
    bases: tuple[str, ...]
    build_function_id: str

    @property
    def commands(self) -> list[str]:
        """The layer's Dockerfile commands."""
        return list(self.definition.dockerfile_commands)


class Assets:
    """Mounts, images, secrets and blobs, by id.

    Attributes:
        images: Every image layer that was requested.
        secrets: Named secrets; a test may change them at any time.
    """

    def __init__(
        self,
        folder: Path,
        named_secrets: Mapping[str, Mapping[str, str]],
        blobs: BlobStore,
    ) -> None:
        self.images: dict[str, ImageLayer] = {}
        self.secrets = {name: dict(values) for name, values in named_secrets.items()}
        self.mounts: dict[str, list[api_pb2.MountFile]] = {}
        self._contents = folder / "mounted"
        self._contents.mkdir()
        self._blobs = blobs
        self._anonymous_secrets: dict[str, dict[str, str]] = {}

    def content(self, sha256_hex: str) -> Path:
        """Path of the content of mounted files with this checksum."""
        return self._contents / sha256_hex

    def blob(self, blob_id: str) -> bytes:
        """The content of a blob."""
        return self._blobs.read(blob_id)

    def keep_content(self, request: api_pb2.MountPutFileRequest) -> None:
        """Store the content of a file for later mounts."""
        data = self.blob(request.data_blob_id) if request.data_blob_id else request.data
        if hashlib.sha256(data).hexdigest() != request.sha256_hex:
            raise GRPCError(Status.INVALID_ARGUMENT, "The content does not match its checksum")
        self.content(request.sha256_hex).write_bytes(data)

    def materialise(self, mount_ids: Iterable[str], root: Path) -> None:
        """Write the files of mounts below a folder, as deployed."""
        for mount_id in mount_ids:
            for file in self.mounts[mount_id]:
                target = root / file.filename.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.content(file.sha256_hex), target)
                if file.mode:
                    target.chmod(file.mode)

    def layers(self, image_id: str) -> list[ImageLayer]:
        """The layers of an image, lowest first."""
        if not image_id:
            return []
        layer = self.images[image_id]
        return [*(below for base in layer.bases for below in self.layers(base)), layer]

    def image_environment(self, image_id: str) -> dict[str, str]:
        """The variables that an image's ENV commands set."""
        variables: dict[str, str] = {}
        for layer in self.layers(image_id):
            for command in layer.commands:
                keyword, _, rest = command.partition(" ")
                if keyword.upper() == "ENV":
                    pairs = (word.partition("=") for word in shlex.split(rest))
                    variables.update({name: value for name, _, value in pairs})
        return variables

    def secret_environment(self, secret_ids: Iterable[str]) -> dict[str, str]:
        """The variables of secrets; the later secret wins."""
        variables: dict[str, str] = {}
        for secret_id in secret_ids:
            name = secret_id.removeprefix("st-named-")
            variables |= self._anonymous_secrets.get(secret_id) or self.secrets.get(name, {})
        return variables

    def add_anonymous_secret(self, values: Mapping[str, str]) -> str:
        """Add a secret from a dictionary, and return its id."""
        secret_id = new_id("st")
        self._anonymous_secrets[secret_id] = dict(values)
        return secret_id


class AssetRpcs:
    """The RPCs that store and find assets."""

    def __init__(self, assets: Assets, blobs: BlobStore, blobs_url: Callable[[], str]) -> None:
        self._assets = assets
        self._blobs = blobs
        self._blobs_url = blobs_url

    @unary
    async def MountBatchedCheckExistence(
        self, request: api_pb2.MountBatchedCheckExistenceRequest
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        return api_pb2.MountBatchedCheckExistenceResponse(
            missing_sha256_hex_hashes=[
                sha256_hex
                for sha256_hex in request.sha256_hex_hashes
                if not self._assets.content(sha256_hex).exists()
            ]
        )

    @unary
    async def MountPutFile(
        self, request: api_pb2.MountPutFileRequest
    ) -> api_pb2.MountPutFileResponse:
        if request.WhichOneof("data_oneof") is not None:
            self._assets.keep_content(request)
        return api_pb2.MountPutFileResponse(
            exists=self._assets.content(request.sha256_hex).exists()
        )

    @unary
    async def MountGetOrCreate(
        self, request: api_pb2.MountGetOrCreateRequest
    ) -> api_pb2.MountGetOrCreateResponse:
        listing = json.dumps(sorted((f.filename, f.sha256_hex, f.mode) for f in request.files))
        checksum = hashlib.sha256(f"{request.deployment_name}{listing}".encode()).hexdigest()
        mount_id = f"mo-{checksum[:22]}"
        self._assets.mounts[mount_id] = list(request.files)
        return api_pb2.MountGetOrCreateResponse(
            mount_id=mount_id,
            handle_metadata=api_pb2.MountHandleMetadata(content_checksum_sha256_hex=checksum),
        )

    @unary
    async def ImageGetOrCreate(
        self, request: api_pb2.ImageGetOrCreateRequest
    ) -> api_pb2.ImageGetOrCreateResponse:
        content = request.image.SerializeToString(deterministic=True)
        image_id = f"im-{hashlib.sha256(content).hexdigest()[:22]}"
        self._assets.images[image_id] = ImageLayer(
            id=image_id,
            definition=request.image,
            bases=tuple(base.image_id for base in request.image.base_images),
            build_function_id=request.build_function_id,
        )
        return api_pb2.ImageGetOrCreateResponse(
            image_id=image_id,
            result=api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS),
            metadata=api_pb2.ImageMetadata(
                image_builder_version=request.builder_version or IMAGE_BUILDER_VERSION
            ),
        )

    @unary
    async def SecretGetOrCreate(
        self, request: api_pb2.SecretGetOrCreateRequest
    ) -> api_pb2.SecretGetOrCreateResponse:
        check_environment(request.environment_name)
        if not request.deployment_name:
            secret_id = self._assets.add_anonymous_secret(request.env_dict)
            return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)
        name = request.deployment_name
        if name not in self._assets.secrets:
            raise GRPCError(
                Status.NOT_FOUND, f"Secret '{name}' not found in environment '{ENVIRONMENT}'"
            )
        values = self._assets.secrets[name]
        if missing := sorted(set(request.required_keys) - set(values)):
            raise GRPCError(Status.NOT_FOUND, f"Secret '{name}' is missing key(s): {missing}")
        return api_pb2.SecretGetOrCreateResponse(
            secret_id=f"st-named-{name}",
            metadata=api_pb2.SecretMetadata(
                name=name, keys=sorted(values), environment_name=ENVIRONMENT
            ),
        )

    @unary
    async def BlobCreate(self, _request: api_pb2.BlobCreateRequest) -> api_pb2.BlobCreateResponse:
        blob_id = self._blobs.create()
        return api_pb2.BlobCreateResponse(
            blob_ids=[blob_id],
            upload_urls=api_pb2.UploadUrlList(items=[f"{self._blobs_url()}/blob/{blob_id}"]),
        )

    @unary
    async def BlobGet(self, request: api_pb2.BlobGetRequest) -> api_pb2.BlobGetResponse:
        return api_pb2.BlobGetResponse(download_url=f"{self._blobs_url()}/blob/{request.blob_id}")
