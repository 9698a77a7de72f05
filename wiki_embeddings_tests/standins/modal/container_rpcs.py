# ruff: noqa: N802
"""The RPCs by which containers fetch inputs, put outputs, and learn that they must stop."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.accounts import check_environment
from wiki_embeddings_tests.standins.modal.containers import Container
from wiki_embeddings_tests.standins.modal.rpc import from_container, unary
from wiki_embeddings_tests.standins.modal.scheduler import Scheduler

_HEARTBEAT_HELD_S = 14.0
"""Heartbeats are answered at once with an order, else just before the client's 15 s are over."""


class ContainerRpcs:
    """The container's side of a call, and orders to stop."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    @from_container
    async def ContainerHello(self, _request: Empty, _task_id: str) -> Empty:
        return Empty()

    @from_container
    async def ContainerHeartbeat(
        self, _request: api_pb2.ContainerHeartbeatRequest, task_id: str
    ) -> api_pb2.ContainerHeartbeatResponse:
        container = self._container(task_id)
        if not container.cancellations:
            await container.notifier.wait(_HEARTBEAT_HELD_S)
        if not container.cancellations:
            return api_pb2.ContainerHeartbeatResponse()
        ids, container.cancellations = container.cancellations, []
        return api_pb2.ContainerHeartbeatResponse(
            cancel_input_event=api_pb2.CancelInputEvent(input_ids=ids)
        )

    @from_container
    async def FunctionGetInputs(
        self, _request: api_pb2.FunctionGetInputsRequest, task_id: str
    ) -> api_pb2.FunctionGetInputsResponse:
        item = await self._scheduler.next_input(self._container(task_id))
        if item is None:
            return api_pb2.FunctionGetInputsResponse(
                inputs=[api_pb2.FunctionGetInputsItem(kill_switch=True)]
            )
        return api_pb2.FunctionGetInputsResponse(
            inputs=[
                api_pb2.FunctionGetInputsItem(
                    input_id=item.id,
                    input=item.content,
                    function_call_id=item.call.id,
                    function_call_invocation_type=item.call.invocation,  # type: ignore[arg-type]
                    retry_count=item.retry_count,
                    function_map_idx=item.index,
                )
            ]
        )

    @from_container
    async def FunctionPutOutputs(
        self, request: api_pb2.FunctionPutOutputsRequest, task_id: str
    ) -> Empty:
        container = self._container(task_id)
        for put in request.outputs:
            self._scheduler.put_output(container, put)
        return Empty()

    @from_container
    async def FunctionGetDynamicConcurrency(
        self, request: api_pb2.FunctionGetDynamicConcurrencyRequest, _task_id: str
    ) -> api_pb2.FunctionGetDynamicConcurrencyResponse:
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=request.max_concurrency)

    @from_container
    async def TaskResult(self, _request: api_pb2.TaskResultRequest, _task_id: str) -> Empty:
        return Empty()

    @unary
    async def ContainerStop(
        self, request: api_pb2.ContainerStopRequest
    ) -> api_pb2.ContainerStopResponse:
        container = self._container(request.task_id)
        if request.graceful:
            self._scheduler.drain(container)
        else:
            self._scheduler.stop(container)
        return api_pb2.ContainerStopResponse()

    @unary
    async def TaskList(self, request: api_pb2.TaskListRequest) -> api_pb2.TaskListResponse:
        check_environment(request.environment_name)
        return api_pb2.TaskListResponse(
            tasks=[
                api_pb2.TaskStats(
                    task_id=container.task_id,
                    app_id=container.live.app.id,
                    app_description=container.live.app.name,
                    started_at=container.started_at,
                    enqueued_at=container.started_at,
                )
                for container in self._scheduler.containers.values()
                if not container.ended and request.app_id in ("", container.live.app.id)
            ]
        )

    def _container(self, task_id: str) -> Container:
        if task_id not in self._scheduler.containers:
            raise GRPCError(Status.NOT_FOUND, f"Container '{task_id}' not found")
        return self._scheduler.containers[task_id]
