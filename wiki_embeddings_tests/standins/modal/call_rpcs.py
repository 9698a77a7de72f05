# ruff: noqa: N802
"""The RPCs by which clients call functions and fetch outputs."""

from __future__ import annotations

import time
from collections.abc import Iterable

from google.protobuf.empty_pb2 import Empty
from modal._utils.jwt_utils import DecodedJwt
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.calls import Call, Calls, Input, State
from wiki_embeddings_tests.standins.modal.registry import Registry
from wiki_embeddings_tests.standins.modal.rpc import unary
from wiki_embeddings_tests.standins.modal.scheduler import Scheduler

_OUTPUTS_IN_ONE_ANSWER = 100


class CallRpcs:
    """Call functions, fetch outputs, cancel, count."""

    def __init__(self, registry: Registry, calls: Calls, scheduler: Scheduler) -> None:
        self._registry = registry
        self._calls = calls
        self._scheduler = scheduler

    @unary
    async def FunctionMap(self, request: api_pb2.FunctionMapRequest) -> api_pb2.FunctionMapResponse:
        live = self._registry.live(request.function_id)
        call = self._calls.start(
            request.function_id,
            live.name,
            request.function_call_invocation_type,
            live.function.retry_policy,
        )
        return api_pb2.FunctionMapResponse(
            function_call_id=call.id,
            pipelined_inputs=self._add(call, request.pipelined_inputs),
            retry_policy=live.function.retry_policy,
            function_call_jwt=DecodedJwt.encode_without_signature({"call": call.id}),
            sync_client_retries_enabled=True,
            max_inputs_outstanding=1000,
        )

    @unary
    async def FunctionPutInputs(
        self, request: api_pb2.FunctionPutInputsRequest
    ) -> api_pb2.FunctionPutInputsResponse:
        call = self._calls.call(request.function_call_id)
        return api_pb2.FunctionPutInputsResponse(inputs=self._add(call, request.inputs))

    @unary
    async def FunctionFinishInputs(self, _request: api_pb2.FunctionFinishInputsRequest) -> Empty:
        return Empty()

    @unary
    async def FunctionRetryInputs(
        self, request: api_pb2.FunctionRetryInputsRequest
    ) -> api_pb2.FunctionRetryInputsResponse:
        tokens = []
        for again in request.inputs:
            item = self._calls.input(
                DecodedJwt.decode_without_verification(again.input_jwt).payload["id"]
            )
            item.retry_count = again.retry_count or item.retry_count + 1
            item.output = None
            self._scheduler.enqueue(item)
            tokens.append(_token(item))
        return api_pb2.FunctionRetryInputsResponse(input_jwts=tokens)

    @unary
    async def FunctionGetOutputs(
        self, request: api_pb2.FunctionGetOutputsRequest
    ) -> api_pb2.FunctionGetOutputsResponse:
        call = self._calls.call(request.function_call_id)
        seen = int(request.last_entry_id.partition("-")[0] or 0)
        deadline = time.monotonic() + request.timeout
        while True:
            if request.HasField("start_idx"):
                outputs = _outputs_of(call, request.start_idx, request.end_idx)
                expired = not outputs and not call.unfinished()
            else:
                outputs = call.finished[seen : seen + _OUTPUTS_IN_ONE_ANSWER]
                expired = False
            remaining_s = deadline - time.monotonic()
            if outputs or expired or remaining_s <= 0:
                break
            await call.notifier.wait(remaining_s)
        return api_pb2.FunctionGetOutputsResponse(
            outputs=outputs,
            idxs=[output.idx for output in outputs],
            last_entry_id=f"{seen + len(outputs)}-0",
            num_unfinished_inputs=len(call.unfinished()),
        )

    @unary
    async def FunctionCallFromId(
        self, request: api_pb2.FunctionCallFromIdRequest
    ) -> api_pb2.FunctionCallFromIdResponse:
        call = self._calls.call(request.function_call_id)
        return api_pb2.FunctionCallFromIdResponse(
            function_call_id=call.id,
            num_inputs=len(call.inputs),
            metadata=api_pb2.FunctionCallHandleMetadata(function_id=call.function_id),
        )

    @unary
    async def FunctionCallCancel(self, request: api_pb2.FunctionCallCancelRequest) -> Empty:
        self._scheduler.cancel(
            self._calls.call(request.function_call_id),
            terminate_containers=request.terminate_containers,
        )
        return Empty()

    @unary
    async def FunctionGetCurrentStats(
        self, request: api_pb2.FunctionGetCurrentStatsRequest
    ) -> api_pb2.FunctionStats:
        live = self._registry.live(request.function_id)
        pool = self._scheduler.pool(live.id)
        running = sum(len(container.running) for container in pool.containers)
        return api_pb2.FunctionStats(
            backlog=len(pool.queue),
            num_total_tasks=len(pool.containers),
            num_running_inputs=running,
            input_headroom=max(0, len(pool.containers) * live.concurrency - running),
        )

    def _add(
        self, call: Call, requests: Iterable[api_pb2.FunctionPutInputsItem]
    ) -> list[api_pb2.FunctionPutInputsResponseItem]:
        known = set(call.inputs)
        items = [self._calls.add(call, request) for request in requests]
        for item in items:
            if item.index not in known:
                self._scheduler.enqueue(item)
        return [
            api_pb2.FunctionPutInputsResponseItem(
                idx=item.index, input_id=item.id, input_jwt=_token(item)
            )
            for item in items
        ]


def _token(item: Input) -> str:
    """The token with which a client asks for another attempt."""
    return DecodedJwt.encode_without_signature(
        {"id": item.id, "idx": item.index, "retry_count": item.retry_count}
    )


def _outputs_of(call: Call, first: int, last: int) -> list[api_pb2.FunctionGetOutputsItem]:
    """Outputs of the finished inputs from `first` to `last`, inclusive."""
    items = (call.inputs.get(index) for index in range(first, last + 1))
    return [
        item.output
        for item in items
        if item and item.state is State.DONE and item.output is not None
    ]
