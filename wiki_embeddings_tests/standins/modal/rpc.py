"""The router of RPCs: an object's method `FunctionMap` answers the RPC `FunctionMap`.

It does what every RPC needs: checks the caller, answers repeated requests from memory, applies
ordered faults, and refuses RPCs that are not modelled by name.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

from grpclib import GRPCError, Status
from grpclib.const import Cardinality
from grpclib.const import Handler as Route
from grpclib.exceptions import StreamTerminatedError
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from modal_proto.api_grpc import ModalClientBase

from wiki_embeddings_tests.standins.modal.faults import Faults

TASK_HEADER = "x-local-task-id"
"""Names the container that calls; the real runtime gives each container a socket of its own."""

_ANSWERS_KEPT = 4096

RpcHandler = Callable[[Any], Awaitable[None]]


def calling_task_id(stream: Any) -> str | None:
    """Task id of the calling container; None for a client."""
    return str(stream.metadata[TASK_HEADER]) if TASK_HEADER in stream.metadata else None


def unary(method: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[None]]:
    """Make an RPC handler of a method from request to response."""

    @wraps(method)
    async def handle(self: Any, stream: Any) -> None:
        await stream.send_message(await method(self, await stream.recv_message()))

    return handle


def from_container(
    method: Callable[[Any, Any, str], Awaitable[Any]],
) -> Callable[[Any, Any], Awaitable[None]]:
    """Make an RPC handler, for containers only; the method also takes the task id."""

    @wraps(method)
    async def handle(self: Any, stream: Any) -> None:
        task_id = calling_task_id(stream)
        if task_id is None:
            raise GRPCError(Status.PERMISSION_DENIED, "Only a container may call this")
        await stream.send_message(await method(self, await stream.recv_message(), task_id))

    return handle


class RpcServer(Server):
    """grpclib's server, which also closes its connections at its end."""

    def __init__(self, router: Router) -> None:
        super().__init__([router])
        self._protocols: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.append(protocol)
        return protocol

    async def end(self) -> None:
        """Cancel requests in progress, and close all connections."""
        self.close()
        await self.wait_closed()
        for protocol in self._protocols:
            protocol.connection.close()
        await asyncio.sleep(0.01)  # a transport is closed by the loop, after this


class Router:
    """The service that grpclib serves: all RPCs of the protocol, modelled or not.

    Attributes:
        errors: Exceptions in handlers: defects of the control plane, never of a test.
        requests: Names of all received RPCs, in order.
        client_requests: Those that did not come from a container.
    """

    def __init__(
        self,
        services: Sequence[object],
        *,
        check_caller: Callable[[Any], None],
        faults: Faults,
        remembers: bool,
    ) -> None:
        self.errors: list[Exception] = []
        self.requests: list[str] = []
        self.client_requests: list[str] = []
        self._services = services
        self._check_caller = check_caller
        self._faults = faults
        self._remembers = remembers
        self._answers: OrderedDict[str, Any] = OrderedDict()

    def __getattr__(self, name: str) -> RpcHandler:
        if name.startswith("_"):
            raise AttributeError(name)
        for service in self._services:
            if handler := getattr(service, name, None):
                return handler

        async def refuse(_stream: Any) -> None:
            raise GRPCError(Status.UNIMPLEMENTED, f"The local control plane does not model {name}")

        return refuse

    def __mapping__(self) -> dict[str, Route]:
        routes = ModalClientBase.__mapping__(self)  # type: ignore[arg-type]
        return {
            path: Route(
                self._handler(path.rsplit("/", 1)[1], route.func, route.cardinality),
                route.cardinality,
                route.request_type,
                route.reply_type,
            )
            for path, route in routes.items()
        }

    def _handler(self, name: str, handle: RpcHandler, cardinality: Cardinality) -> RpcHandler:
        answer = self._answer if cardinality is Cardinality.UNARY_UNARY else _stream_answer

        async def guarded(stream: Any) -> None:
            try:
                self._check_caller(stream)
                from_container = calling_task_id(stream) is not None
                self.requests.append(name)
                if not from_container:
                    self.client_requests.append(name)
                fault = self._faults.due(name, from_container=from_container)
                if fault and not fault.after:
                    raise fault.error()
                await answer(handle, stream, fault.error() if fault else None)
            except (GRPCError, StreamTerminatedError):
                raise
            except Exception as error:
                self.errors.append(error)
                raise GRPCError(Status.INTERNAL, f"{name}: {error!r}") from error

        return guarded

    async def _answer(self, handle: RpcHandler, stream: Any, withheld: GRPCError | None) -> None:
        remembers = self._remembers or calling_task_id(stream) is not None
        key = stream.metadata.get("x-idempotency-key") if remembers else None
        if key is not None and key in self._answers:
            await stream.recv_message()
            answer = self._answers[key]
        else:
            caught = _CapturedStream(stream)
            await handle(caught)
            answer = caught.answer
            if key is not None:
                self._answers[key] = answer
                if len(self._answers) > _ANSWERS_KEPT:
                    self._answers.popitem(last=False)
        if withheld is not None:
            raise withheld
        await stream.send_message(answer)


async def _stream_answer(handle: RpcHandler, stream: Any, withheld: GRPCError | None) -> None:
    await handle(stream)
    if withheld is not None:
        raise withheld


class _CapturedStream:
    """A stream that holds back its answer, which a fault may withhold."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.metadata = stream.metadata
        self.answer: Any = None

    async def recv_message(self) -> Any:
        return await self._stream.recv_message()

    async def send_message(self, answer: Any) -> None:
        self.answer = answer
