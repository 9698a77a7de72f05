# ruff: noqa: N802
"""The RPCs that deploy apps and look up what is deployed."""

from __future__ import annotations

import time
from collections.abc import Callable

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.accounts import ENVIRONMENT, check_environment
from wiki_embeddings_tests.standins.modal.assets import new_id
from wiki_embeddings_tests.standins.modal.registry import App, Registry
from wiki_embeddings_tests.standins.modal.rpc import unary


class AppRpcs:
    """Create, publish and stop apps."""

    def __init__(
        self,
        registry: Registry,
        *,
        redeployed: Callable[[App], None],
        stopped: Callable[[App], None],
    ) -> None:
        self._registry = registry
        self._redeployed = redeployed
        self._stopped = stopped

    @unary
    async def AppGetByDeploymentName(
        self, request: api_pb2.AppGetByDeploymentNameRequest
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        check_environment(request.environment_name)
        app = self._registry.deployed(request.name)
        return api_pb2.AppGetByDeploymentNameResponse(
            app_id=app.id if app else "", environment_name=ENVIRONMENT
        )

    @unary
    async def AppGetOrCreate(
        self, request: api_pb2.AppGetOrCreateRequest
    ) -> api_pb2.AppGetOrCreateResponse:
        check_environment(request.environment_name)
        app = self._registry.deployed(request.app_name)
        if app is None:
            if request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                raise GRPCError(Status.NOT_FOUND, f"App '{request.app_name}' not found")
            app = self._registry.add_app(request.app_name)
            self._registry.publish(app, {}, {}, {})
        return api_pb2.AppGetOrCreateResponse(app_id=app.id)

    @unary
    async def AppCreate(self, request: api_pb2.AppCreateRequest) -> api_pb2.AppCreateResponse:
        check_environment(request.environment_name)
        app = self._registry.add_app(request.description)
        return api_pb2.AppCreateResponse(
            app_id=app.id, app_page_url=_page(app), app_logs_url=_page(app)
        )

    @unary
    async def AppGetLayout(
        self, request: api_pb2.AppGetLayoutRequest
    ) -> api_pb2.AppGetLayoutResponse:
        layout = self._registry.layout(self._registry.app(request.app_id))
        return api_pb2.AppGetLayoutResponse(app_layout=layout)

    @unary
    async def AppPublish(self, request: api_pb2.AppPublishRequest) -> api_pb2.AppPublishResponse:
        app = self._registry.app(request.app_id)
        self._registry.publish(app, request.function_ids, request.class_ids, request.definition_ids)
        self._redeployed(app)
        return api_pb2.AppPublishResponse(url=_page(app), deployed_at=time.time())

    @unary
    async def AppStop(self, request: api_pb2.AppStopRequest) -> Empty:
        self._stop(self._registry.app(request.app_id))
        return Empty()

    @unary
    async def AppClientDisconnect(self, request: api_pb2.AppClientDisconnectRequest) -> Empty:
        self._stop(self._registry.app(request.app_id))
        return Empty()

    @unary
    async def AppHeartbeat(self, _request: api_pb2.AppHeartbeatRequest) -> Empty:
        return Empty()

    def _stop(self, app: App) -> None:
        app.stopped = True
        self._stopped(app)


class FunctionRpcs:
    """Define functions and classes, and find them again."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @unary
    async def FunctionPrecreate(
        self, request: api_pb2.FunctionPrecreateRequest
    ) -> api_pb2.FunctionPrecreateResponse:
        function_id = request.existing_function_id or new_id("fu")
        definition = self._registry.define(
            request.app_id,
            function_id,
            api_pb2.Function(
                function_name=request.function_name,
                function_type=request.function_type,
                method_definitions=request.method_definitions,
                function_schema=request.function_schema,
                supported_input_formats=request.supported_input_formats,
                supported_output_formats=request.supported_output_formats,
            ),
        )
        return api_pb2.FunctionPrecreateResponse(
            function_id=function_id,
            handle_metadata=self._registry.handle_metadata(function_id, definition),
        )

    @unary
    async def FunctionCreate(
        self, request: api_pb2.FunctionCreateRequest
    ) -> api_pb2.FunctionCreateResponse:
        function = (
            request.function_data.ranked_functions[0].function
            if request.HasField("function_data")
            else request.function
        )
        function_id = request.existing_function_id or new_id("fu")
        definition = self._registry.define(request.app_id, function_id, function)
        return api_pb2.FunctionCreateResponse(
            function_id=function_id,
            function=function,
            function_data=_function_data(function),
            handle_metadata=self._registry.handle_metadata(function_id, definition),
        )

    @unary
    async def FunctionGet(self, request: api_pb2.FunctionGetRequest) -> api_pb2.FunctionGetResponse:
        check_environment(request.environment_name)
        _refuse_pinning(request.app_version)
        function_id = self._registry.find(request.app_name, request.object_tag)
        live = self._registry.live(function_id)
        return api_pb2.FunctionGetResponse(
            function_id=function_id,
            handle_metadata=self._registry.handle_metadata(function_id),
            function=_function_data(live.function),
        )

    @unary
    async def FunctionGetById(
        self, request: api_pb2.FunctionGetByIdRequest
    ) -> api_pb2.FunctionGetByIdResponse:
        live = self._registry.live(request.function_id)
        return api_pb2.FunctionGetByIdResponse(
            function=_function_data(live.function),
            handle_metadata=self._registry.handle_metadata(request.function_id),
        )

    @unary
    async def FunctionBindParams(
        self, request: api_pb2.FunctionBindParamsRequest
    ) -> api_pb2.FunctionBindParamsResponse:
        self._registry.live(request.function_id)
        variant_id = self._registry.bind(request)
        return api_pb2.FunctionBindParamsResponse(
            bound_function_id=variant_id,
            handle_metadata=self._registry.handle_metadata(variant_id),
        )

    @unary
    async def ClassCreate(self, request: api_pb2.ClassCreateRequest) -> api_pb2.ClassCreateResponse:
        class_id = request.existing_class_id or new_id("cs")
        self._registry.adopt(request.app_id, class_id)
        return api_pb2.ClassCreateResponse(
            class_id=class_id, handle_metadata=api_pb2.ClassHandleMetadata()
        )

    @unary
    async def ClassGet(self, request: api_pb2.ClassGetRequest) -> api_pb2.ClassGetResponse:
        check_environment(request.environment_name)
        _refuse_pinning(request.app_version)
        return api_pb2.ClassGetResponse(
            class_id=self._registry.find(request.app_name, request.object_tag),
            handle_metadata=api_pb2.ClassHandleMetadata(),
        )


def _page(app: App) -> str:
    return f"https://modal.invalid/apps/{app.id}"


def _refuse_pinning(version: int) -> None:
    if version:
        raise GRPCError(
            Status.UNIMPLEMENTED, "The local control plane does not model pinned versions"
        )


def _function_data(function: api_pb2.Function) -> api_pb2.FunctionData:
    """A function as the client's `Function.info()` reads it."""
    return api_pb2.FunctionData(
        function_name=function.function_name,
        function_type=function.function_type,
        is_class=function.is_class,
        method_definitions=function.method_definitions,
        ranked_functions=[api_pb2.FunctionData.RankedFunction(rank=0, function=function)],
    )
