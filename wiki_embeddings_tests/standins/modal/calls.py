"""Function calls, their inputs, and the rules for retrying an input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.assets import new_id
from wiki_embeddings_tests.standins.modal.notifier import Notifier

RESULT = api_pb2.GenericResult
_ASYNC = api_pb2.FUNCTION_CALL_INVOCATION_TYPE_ASYNC
_FINAL = (RESULT.GENERIC_STATUS_SUCCESS, RESULT.GENERIC_STATUS_TERMINATED)
_SHORTEST_RETRY_DELAY_MS = 1000


class State(Enum):
    """State of an input."""

    QUEUED = auto()
    RUNNING = auto()
    RETRYING = auto()
    DONE = auto()


@dataclass
class Input:
    """One input of a function call.

    Attributes:
        id: Known to container and client.
        call: The call that it belongs to.
        index: Its place in the call.
        content: The message of the client.
        state: Its state.
        failures: Attempts in which the function failed; crashes do not count.
        retry_count: Number of this attempt, as client and container count.
        task_id: The container that works on it, if one does.
        cancelled: True if the client cancelled it.
        output: Its output, once it is done.
        outcomes: Results of all attempts, in order.
    """

    id: str
    call: Call
    index: int
    content: api_pb2.FunctionInput
    state: State = State.QUEUED
    failures: int = 0
    retry_count: int = 0
    task_id: str | None = None
    cancelled: bool = False
    output: api_pb2.FunctionGetOutputsItem | None = None
    outcomes: list[api_pb2.GenericResult] = field(default_factory=list)


@dataclass
class Call:
    """One call of a function, with one input or many.

    Attributes:
        id: Known to the client.
        function_id: The function, or the variant, that is called.
        function_name: Its name.
        invocation: ASYNC if the server retries, SYNC if the client does.
        retry_policy: The function's policy when it was called.
        inputs: Input by index.
        finished: Outputs in the order in which they came; with client-side retries an input
            has several.
        notifier: Notified when an input ends.
    """

    id: str
    function_id: str
    function_name: str
    invocation: int
    retry_policy: api_pb2.FunctionRetryPolicy
    inputs: dict[int, Input] = field(default_factory=dict)
    finished: list[api_pb2.FunctionGetOutputsItem] = field(default_factory=list)
    notifier: Notifier = field(default_factory=Notifier)

    def unfinished(self) -> list[Input]:
        """The inputs without an output."""
        inputs = list(self.inputs.values())  # tests look from another thread
        return [item for item in inputs if item.state is not State.DONE]


class Calls:
    """All calls.

    Attributes:
        by_id: Call by id, oldest first.
    """

    def __init__(self, retry_delay_s: float | None) -> None:
        self.by_id: dict[str, Call] = {}
        self._inputs: dict[str, Input] = {}
        self._retry_delay_s = retry_delay_s

    def start(
        self,
        function_id: str,
        function_name: str,
        invocation: int,
        retry_policy: api_pb2.FunctionRetryPolicy,
    ) -> Call:
        """Start a call, without inputs yet."""
        call = Call(new_id("fc"), function_id, function_name, invocation, retry_policy)
        self.by_id[call.id] = call
        return call

    def call(self, call_id: str) -> Call:
        """A call by id."""
        if call_id not in self.by_id:
            raise GRPCError(Status.NOT_FOUND, f"Function call '{call_id}' not found")
        return self.by_id[call_id]

    def input(self, input_id: str) -> Input:
        """An input by id."""
        return self._inputs[input_id]

    def add(self, call: Call, request: api_pb2.FunctionPutInputsItem) -> Input:
        """Add an input to a call; the same index again is the same input."""
        if request.idx not in call.inputs:
            item = Input(new_id("in"), call, request.idx, request.input)
            call.inputs[request.idx] = item
            self._inputs[item.id] = item
        return call.inputs[request.idx]

    def end_attempt(
        self,
        item: Input,
        result: api_pb2.GenericResult,
        *,
        again: Callable[[Input, float], None],
        put: api_pb2.FunctionPutOutputsItem | None = None,
    ) -> None:
        """End an attempt: the input gets its output, or is retried after a delay.

        Args:
            item: The input.
            result: How the attempt ended.
            again: Takes an input to retry, and the delay in seconds.
            put: The container's message; None if the server decided.
        """
        item.task_id = None
        item.outcomes.append(result)
        if result.status not in _FINAL:
            item.failures += 1
            if self._is_retried(item):
                item.retry_count += 1
                item.state = State.RETRYING
                again(item, self._delay_s(item))
                return
        item.state = State.DONE
        item.output = api_pb2.FunctionGetOutputsItem(
            result=result,
            idx=item.index,
            input_id=item.id,
            data_format=put.data_format if put else api_pb2.DATA_FORMAT_UNSPECIFIED,
            input_started_at=put.input_started_at if put else 0.0,
            output_created_at=put.output_created_at if put else 0.0,
            retry_count=item.retry_count,
        )
        item.call.finished.append(item.output)
        item.call.notifier.notify()

    def _is_retried(self, item: Input) -> bool:
        return (
            item.call.invocation == _ASYNC
            and not item.cancelled
            and item.failures <= item.call.retry_policy.retries
        )

    def _delay_s(self, item: Input) -> float:
        if self._retry_delay_s is not None:
            return self._retry_delay_s
        policy = item.call.retry_policy
        delay_ms = policy.initial_delay_ms * policy.backoff_coefficient ** (item.failures - 1)
        return min(max(delay_ms, _SHORTEST_RETRY_DELAY_MS), policy.max_delay_ms or delay_ms) / 1000
