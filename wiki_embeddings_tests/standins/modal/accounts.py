# ruff: noqa: N802
"""The one workspace, its one environment, and its one token."""

from __future__ import annotations

from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.rpc import unary

ENVIRONMENT = "main"
WORKSPACE = "local"
IMAGE_BUILDER_VERSION = "2025.06"

TOKEN_ID = "ak-local"
TOKEN_SECRET = "as-local"


def check_token(metadata: Any) -> None:
    """Refuse a client without the right token."""
    if "x-modal-token-id" not in metadata or "x-modal-token-secret" not in metadata:
        raise GRPCError(Status.UNAUTHENTICATED, "Token missing. Could not authenticate client.")
    if (metadata["x-modal-token-id"], metadata["x-modal-token-secret"]) != (TOKEN_ID, TOKEN_SECRET):
        raise GRPCError(
            Status.UNAUTHENTICATED, f"Token ID {metadata['x-modal-token-id']} not found"
        )


def check_environment(name: str) -> None:
    """Refuse any other environment."""
    if name not in ("", ENVIRONMENT):
        raise GRPCError(Status.NOT_FOUND, f"Environment '{name}' not found")


class AccountRpcs:
    """Hello, and look-ups of workspace and environment."""

    @unary
    async def ClientHello(self, _request: Empty) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse(image_builder_version=IMAGE_BUILDER_VERSION)

    @unary
    async def WorkspaceNameLookup(self, _request: Empty) -> api_pb2.WorkspaceNameLookupResponse:
        return api_pb2.WorkspaceNameLookupResponse(workspace_name=WORKSPACE, username=WORKSPACE)

    @unary
    async def EnvironmentGetOrCreate(
        self, request: api_pb2.EnvironmentGetOrCreateRequest
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        check_environment(request.deployment_name)
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id="en-local",
            metadata=api_pb2.EnvironmentMetadata(
                name=ENVIRONMENT,
                settings=api_pb2.EnvironmentSettings(image_builder_version=IMAGE_BUILDER_VERSION),
            ),
        )
