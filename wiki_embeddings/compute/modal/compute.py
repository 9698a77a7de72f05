"""The Modal compute: stages as functions of the deployed app, over its volume.

Knows the app only by its names (`deployment.py`): what runs is the deployed code, and
`preflight.py` makes sure that this is the code that plans the work here.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, cast

import modal

from wiki_embeddings.compute.modal import deployment, shard_map
from wiki_embeddings.compute.modal.calls import CallRecord, call_remote
from wiki_embeddings.compute.modal.files import ModalFiles
from wiki_embeddings.compute.modal.memory import RunMemory
from wiki_embeddings.compute.modal.preflight import require_ready
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.compute.modal.shard_map import Deadlines
from wiki_embeddings.compute.modal.workspace import Workspace
from wiki_embeddings.compute.protocol import (
    ArgumentsT,
    ContainerOptions,
    Event,
    Failed,
    Finished,
    ResultT,
    with_options,
)
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.manifest import ShardFile, manifest_path
from wiki_embeddings.stages.finished_shards import read_finished_shards
from wiki_embeddings.stages.shard import Plan, Report, SpecT
from wiki_embeddings.volume import StageName, Volume

_FUNCTIONS: dict[StageName, tuple[str, ContainerSize]] = {
    "raw": ("fetch_part", deployment.FETCH_CONTAINER),
    "chunks": ("chunk_shard", deployment.CHUNK_CONTAINER),
    "centroids": ("make_dataset_file", deployment.DATASET_CONTAINER),
    "index": ("make_dataset_file", deployment.DATASET_CONTAINER),
    "hub": ("make_dataset_file", deployment.DATASET_CONTAINER),
    "uploads": ("upload_file", deployment.UPLOAD_CONTAINER),
}
"""The function that makes a shard of each stage; for `embeddings` it depends on the engine."""

_SITE_FUNCTION = "fetch_export_file"
"""The function that fetches a part from a site that allows few connections."""

_EMBEDDERS = {
    "auto": ("Embedder", deployment.EMBED_CONTAINER),
    "cuda": ("Embedder", deployment.EMBED_CONTAINER),
    "tei": ("TeiEmbedder", deployment.EMBED_CONTAINER),
    "cpu": ("CpuEmbedder", deployment.EMBED_CPU_CONTAINER),
}
"""The class that computes vectors with each engine."""

_MAX_PASSES = 3
"""How often a shard is made that its container reports as finished while the volume does not have
it. This can happen if the concurrent commits of a container's inputs interfere."""

_NOT_ON_VOLUME = (
    f"Its container has reported it as finished {_MAX_PASSES} times, but it is not on the volume: "
    "look at https://status.modal.com, and try with inputs_per_container set to 1."
)

_DESCRIBE_IDLE_S = 2
"""How long a container idles that was started only for `describe`."""


def connect(
    options: ContainerOptions, asked: tuple[str, ...] = (), memory: RunMemory | None = None
) -> ModalCompute:
    """Return the compute of the deployed app.

    Args:
        options: The containers that a map may use.
        asked: See `ModalCompute.asked`.
        memory: What the run has learnt so far; None for a run that begins.

    Raises:
        BadInputError: The token, the secret, the volume or the app is missing, or the app was
            deployed from another version of the code.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    return ModalCompute(options, asked, require_ready(), RunMemory() if memory is None else memory)


@dataclass(frozen=True)
class ModalCompute:
    """Runs stages in the containers of the deployed app.

    Attributes:
        options: The containers that a map may use.
        asked: Options of the run that no output records, as words of a command line.
        workspace: The app's functions, and its volume.
        memory: What the run has learnt, shared by all its steps.
    """

    options: ContainerOptions
    asked: tuple[str, ...]
    workspace: Workspace
    memory: RunMemory

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Modal, up to {self.options.containers} containers"

    @property
    def files(self) -> ModalFiles:
        """The volume's small files."""
        return ModalFiles(self.workspace.volume, self.memory)

    @property
    def folder(self) -> Path | None:
        """None: the volume is not on this machine."""
        return None

    def command(self, arguments: Sequence[str]) -> str:
        """Return a shell command line that runs on Modal."""
        return f"WIKI_EMBEDDINGS_COMPUTE=modal {shlex.join(with_options(arguments, self.asked))}"

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """Describe the encoder that the containers would use.

        Runs in a separate container of the same kind. The containers of `map` may still be busy
        with a call of an earlier run, which is cancelled only when this description is known.
        """
        embedder = self._embedder(
            replace(self.options, containers=1, engine=engine),
            model,
            revision or "",
            precision or "",
            scaledown_window=_DESCRIBE_IDLE_S,
        )
        return cast("EncoderInfo", call_remote(embedder.describe, "describe the encoder"))

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function on the volume in a container, which has the Hub's token."""
        return cast("ResultT", self._call(function, args, kwargs, commit=False))

    def call_once(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """As `call`, unless this run has asked the same before: then its answer."""
        question = (function, args, tuple(sorted(kwargs.items())))
        if question not in self.memory.answers:
            self.memory.answers[question] = self._call(function, args, kwargs, commit=False)
        return cast("ResultT", self.memory.answers[question])

    def change(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function that changes the volume in a container, and commit the change."""
        self.memory.forget()
        return cast("ResultT", self._call(function, args, kwargs, commit=True))

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan in containers; see `Compute.map`."""
        # Usually nobody is at work on the output: one question is enough to know that, too.
        finished = self._finished_shards(plan.folder, thorough=True, unless_at_work=True)
        if finished is None:
            CallRecord(self.files, plan.folder).take_over()
            finished = self._finished_shards(plan.folder, thorough=True) or {}
        missing = []
        for shard, spec in enumerate(plan.specs):
            if spec.name in finished:
                yield Finished(shard, Report(finished[spec.name], reused=True, seconds=0.0))
            else:
                missing.append(shard)
        function, size = self._function_for(plan)
        meter = shard_map.UsageMeter(size, self.options.containers)
        for _ in range(_MAX_PASSES):
            if not missing:
                return
            reported = yield from self._map_shards(plan, missing, function, meter)
            if reported is None:
                return
            finished = self._finished_shards(plan.folder, thorough=False) or {}
            missing = [shard for shard in reported if plan.specs[shard].name not in finished]
        for shard in missing:
            yield Failed(shard, _NOT_ON_VOLUME)

    def _map_shards(
        self,
        plan: Plan[SpecT],
        shards: list[int],
        function: modal.Function,
        meter: shard_map.UsageMeter,
    ) -> Generator[Event, None, list[int] | None]:
        """Map some shards; return those that were reported as finished.

        None after a fatal failure: no shard can be made now, and no question may be answered.
        """
        events = shard_map.run(
            function,
            plan.specs,
            shards,
            _new_reload_token(),
            meter=meter,
            deadlines=Deadlines(self.options.deadline_s, self.options.queue_s),
            record=CallRecord(self.files, plan.folder),
        )
        reported = []
        has_failed_fatally = False
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    reported.append(event.shard)
                has_failed_fatally |= isinstance(event, Failed) and event.fatal
                yield event
        return None if has_failed_fatally else reported

    def _finished_shards(
        self, folder: str, *, thorough: bool, unless_at_work: bool = False
    ) -> dict[str, ShardFile] | None:
        """Return the finished shards on the volume by name, found without starting a GPU.

        None if a run may be at work on them and the question was `unless_at_work`.
        """
        finished = call_remote(
            self.workspace.function("record_finished_shards"),
            f"find the finished shards of {folder}",
            folder,
            reload_token=_new_reload_token(),
            thorough=thorough,
            unless_at_work=unless_at_work,
            timeout_s=deployment.SHARD_MINUTES * 60.0,  # a thorough one reads all finished shards
        )
        if not finished:
            return None if finished is None else {}
        found = read_finished_shards(self.files, folder)
        if found.manifest_sha256:
            self.memory.on_volume[manifest_path(folder)] = found.manifest_sha256
        return found.shards

    def _function_for(self, plan: Plan[SpecT]) -> tuple[modal.Function, ContainerSize]:
        if plan.bound_by == "site":  # the app limits the containers of all runs together
            return self.workspace.function(_SITE_FUNCTION), deployment.EXPORT_CONTAINER
        if plan.stage != "embeddings":
            name, size = _FUNCTIONS[plan.stage]
            function = self.workspace.function(name)
            return function.with_options(max_containers=self.options.containers), size
        _, size = _EMBEDDERS[self.options.engine]
        encoder = plan.settings["embeddings"]
        model = plan.model_folder or encoder["model"]
        embedder = self._embedder(self.options, model, encoder["revision"], encoder["precision"])
        return embedder.embed, replace(size, gpu=self.options.gpu if size.gpu else "")

    def _embedder(
        self,
        options: ContainerOptions,
        model: str,
        revision: str,
        precision: str,
        **more_options: Any,
    ) -> Any:
        """Return an instance of the class that computes vectors with these options."""
        name, size = _EMBEDDERS[options.engine]
        cls = self.workspace.cls(name).with_options(
            # All that it reserves is named, so that nothing depends on how Modal merges a part.
            cpu=size.cpu,
            memory=size.memory_mib,
            gpu=options.gpu if size.gpu else None,
            max_containers=options.containers,
            **more_options,
        )
        cls = cls.with_concurrency(max_inputs=options.inputs_per_container)
        return cls(model=model, revision=revision, engine=options.engine, precision=precision)

    def _call(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        commit: bool,
    ) -> Any:
        return call_remote(
            self.workspace.function("call_function"),
            f"call {function.__name__}",
            function,
            args,
            kwargs,
            reload_token=_new_reload_token(),
            commit=commit,
            # The container's own limit comes first, and its error says more.
            timeout_s=(deployment.CALL_MINUTES + 10) * 60.0,
        )


def _new_reload_token() -> str:
    """Draw a random token: a container that receives it reloads the volume."""
    return secrets.token_hex(8)
