"""Records of a plane, for assertions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.assets import Assets
from wiki_embeddings_tests.standins.modal.calls import Calls, Input, State
from wiki_embeddings_tests.standins.modal.containers import Container
from wiki_embeddings_tests.standins.modal.registry import Deployment, LiveFunction, Registry
from wiki_embeddings_tests.standins.modal.scheduler import Scheduler


@dataclass(frozen=True)
class Payload:
    """An input or output of a function, serialised.

    Attributes:
        function: Name of the function; "Embedder.*" for all methods of a class.
        method: Name of the method; empty for a function.
        call_id: The call.
        index: The input's place in the call.
        kind: Its direction.
        data: The bytes, from the blob store if they were too large for a message.
        as_blob: True if they went through the blob store.
    """

    function: str
    method: str
    call_id: str
    index: int
    kind: Literal["input", "output"]
    data: bytes
    as_blob: bool


@dataclass(frozen=True)
class Requested:
    """The resources that a function or a variant requests.

    Attributes:
        gpu: Type of the GPU; empty without.
        gpu_count: Number of GPUs.
        cpu: Cores; 0 for Modal's default.
        memory_mb: Memory; 0 for Modal's default.
    """

    gpu: str
    gpu_count: int
    cpu: float
    memory_mb: int


class Stats:
    """Counts and records of a plane."""

    def __init__(
        self, registry: Registry, assets: Assets, calls: Calls, scheduler: Scheduler
    ) -> None:
        self._registry = registry
        self._assets = assets
        self._calls = calls
        self._scheduler = scheduler

    def peak_containers(self, function: str) -> int:
        """Most containers alive at a time, of a function by name or a variant by id."""
        return self._scheduler.peaks[function]

    def inputs_per_container(self, function: str | None = None) -> Counter[str]:
        """Number of inputs that each container took, by task id."""
        return Counter(
            {
                container.task_id: len(container.taken)
                for container in list(self._scheduler.containers.values())
                if function in (None, container.live.name)
            }
        )

    def payloads(self) -> list[Payload]:
        """All inputs and outputs of all calls, failed attempts included, oldest call first."""
        found = []
        for call in list(self._calls.by_id.values()):
            for item in list(call.inputs.values()):
                found.append(self._payload(item, "input", item.content))
                found.extend(
                    self._payload(item, "output", outcome) for outcome in list(item.outcomes)
                )
        return found

    def calls_in_progress(self) -> list[str]:
        """Ids of calls with unfinished inputs."""
        return [call.id for call in list(self._calls.by_id.values()) if call.unfinished()]

    def inputs(self, function: str | None = None) -> list[Input]:
        """All inputs, of a function by name or of all functions."""
        return [
            item
            for call in list(self._calls.by_id.values())
            for item in list(call.inputs.values())
            if function in (None, call.function_name)
        ]

    def running_inputs(self, function: str | None = None) -> int:
        """Number of inputs in work."""
        return sum(item.state is State.RUNNING for item in self.inputs(function))

    def deployments(self, app_name: str) -> list[Deployment]:
        """All versions of an app, oldest first."""
        return [
            deployment
            for app in list(self._registry.apps.values())
            if app.name == app_name
            for deployment in app.deployments
        ]

    def requested(self, function: str) -> list[Requested]:
        """Requested resources of a function by name, once for each variant that ran."""
        variants: dict[str, LiveFunction] = {
            container.live.id: container.live
            for container in list(self._scheduler.containers.values())
            if container.live.name == function
        }
        return [_requested(live.function.resources) for live in variants.values()]

    def containers(self, function: str | None = None, *, alive: bool = False) -> list[Container]:
        """Containers, oldest first: all, or the live ones."""
        return [
            container
            for container in list(self._scheduler.containers.values())
            if function in (None, container.live.name) and not (alive and container.ended)
        ]

    def _payload(
        self,
        item: Input,
        kind: Literal["input", "output"],
        content: api_pb2.FunctionInput | api_pb2.GenericResult,
    ) -> Payload:
        if isinstance(content, api_pb2.FunctionInput):
            blob_id, data = content.args_blob_id, content.args
        else:
            blob_id, data = content.data_blob_id, content.data
        return Payload(
            function=item.call.function_name,
            method=item.content.method_name,
            call_id=item.call.id,
            index=item.index,
            kind=kind,
            data=self._assets.blob(blob_id) if blob_id else data,
            as_blob=bool(blob_id),
        )


def _requested(resources: api_pb2.Resources) -> Requested:
    return Requested(
        gpu=resources.gpu_config.gpu_type,
        gpu_count=resources.gpu_config.count,
        cpu=resources.milli_cpu / 1000,
        memory_mb=resources.memory_mb,
    )
