"""The Modal compute: stages as functions of the deployed app, over its volume.

Knows the app by its names alone (`cloud.py`): what runs is what was deployed, and `preflight.py`
makes sure that this is the code that plans it here.
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

from wiki_embeddings.compute.modal import shard_map
from wiki_embeddings.compute.modal.calls import CallRecord, answer
from wiki_embeddings.compute.modal.deployment import (
    APP,
    CUTTING,
    EMBEDDING,
    EMBEDDING_CPU,
    FETCHING,
    HUB_MINUTES,
    PUBLISHING,
    SHARD_MINUTES,
    UPLOADING,
    VOLUME,
)
from wiki_embeddings.compute.modal.files import ModalFiles
from wiki_embeddings.compute.modal.preflight import refuse_unready
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.compute.protocol import (
    ArgumentsT,
    ContainerOptions,
    Event,
    Failed,
    Finished,
    ResultT,
)
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.stages.finished_shards import read_finished_shards
from wiki_embeddings.stages.shard import Plan, Report, SpecT
from wiki_embeddings.volume import StageName, Volume

_FUNCTIONS: dict[StageName, tuple[str, ContainerSize]] = {
    "raw": ("fetch_part", FETCHING),
    "chunks": ("chunk_shard", CUTTING),
    "hub": ("make_dataset_file", PUBLISHING),
    "uploads": ("upload_file", UPLOADING),
}
"""What makes a shard of each stage, but for `embeddings`, whose class depends on the engine."""

_EMBEDDERS = {
    "auto": ("Embedder", EMBEDDING),
    "cuda": ("Embedder", EMBEDDING),
    "tei": ("TeiEmbedder", EMBEDDING),
    "cpu": ("CpuEmbedder", EMBEDDING_CPU),
}
"""What computes vectors, by engine."""

_PASSES = 3
"""How often a shard is made whose container said that it was, while the volume does not have it: so
it can end if what several inputs of a container commit at once gets into each other's way."""

_NOT_THERE = (
    f"Its container has reported it as finished {_PASSES} times, but it is not on the volume: look "
    "at https://status.modal.com, and try with inputs_per_container set to 1."
)

_QUESTION_IDLE_S = 2
"""How long a container stays that was only started to be asked something."""


def connect(fleet: ContainerOptions) -> ModalCompute:
    """The compute of the deployed app.

    Args:
        fleet: The containers that a map may use.

    Raises:
        BadInputError: The token, the secret, the volume or the app is missing, or the app was
            deployed from another version of the code.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    refuse_unready()
    return ModalCompute(fleet)


@dataclass(frozen=True)
class ModalCompute:
    """Runs stages in the containers of the deployed app.

    Attributes:
        fleet: The containers that a map may use.
    """

    fleet: ContainerOptions

    @property
    def name(self) -> str:
        """What people call it."""
        return f"Modal, up to {self.fleet.containers} containers"

    @property
    def files(self) -> ModalFiles:
        """The volume's small files."""
        return ModalFiles(modal.Volume.from_name(VOLUME, version=2), VOLUME)

    @property
    def folder(self) -> Path | None:
        """None: the volume is not on this machine."""
        return None

    def command(self, words: Sequence[str]) -> str:
        """A command line that runs here as this run did."""
        containers = ["--containers", f"{self.fleet.containers}"]
        return f"WIKI_EMBEDDINGS_COMPUTE=modal {shlex.join([*words, *containers])}"

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """What an encoder would be in the containers that compute the vectors.

        Asks a container of the same kind, but one of its own: what an earlier run may have left at
        work would be before this question, and is only cancelled when its answer is known.
        """
        fleet = replace(self.fleet, containers=1, engine=engine)
        embedder = self._embedder(
            fleet, model, revision or "", precision or "", scaledown_window=_QUESTION_IDLE_S
        )
        return cast("EncoderInfo", answer(embedder.describe, "describe the encoder"))

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function of a stage that reads the volume, in a container."""
        return cast("ResultT", _called("ask", function, args, kwargs))

    def call_hub(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function that talks with the Hub for long, in a container that has the token."""
        # The container's own limit comes first, and tells more.
        within_s = (HUB_MINUTES + 10) * 60.0
        return cast("ResultT", _called("ask_hub", function, args, kwargs, within_s=within_s))

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan in containers; see `Compute.map`."""
        CallRecord(self.files, plan.folder).take_over()
        there = self._finished(plan.folder, thorough=True)
        rest = []
        for shard, spec in enumerate(plan.specs):
            if spec.name in there:
                yield Finished(shard, Report(there[spec.name], reused=True, seconds=0.0))
            else:
                rest.append(shard)
        for _ in range(_PASSES):
            if not rest:
                return
            made = yield from self._map_rest(plan, rest)
            there = self._finished(plan.folder, thorough=False)
            rest = [shard for shard in made if plan.specs[shard].name not in there]
        for shard in rest:
            yield Failed(shard, _NOT_THERE, "", fatal=False)

    def _map_rest(self, plan: Plan[SpecT], rest: list[int]) -> Generator[Event, None, list[int]]:
        """Map some shards; gives those that were reported as finished."""
        function, machine = self._function_for(plan)
        events = shard_map.run(
            function,
            plan.specs,
            rest,
            _reload_token(),
            machine=machine,
            deadline_s=self.fleet.deadline_s,
            record=CallRecord(self.files, plan.folder),
        )
        made = []
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    made.append(event.shard)
                yield event
        return made

    def _finished(self, folder: str, *, thorough: bool) -> dict[str, ShardFile]:
        """Shards that are finished on the volume, by name: no GPU is started to find them."""
        asking = modal.Function.from_name(APP, "record_finished_shards")
        what = f"take stock of {folder}"
        within_s = SHARD_MINUTES * 60.0  # it reads all that is finished
        if not answer(
            asking, what, folder, reload_token=_reload_token(), thorough=thorough, within_s=within_s
        ):
            return {}
        return read_finished_shards(self.files, folder)

    def _function_for(self, plan: Plan[SpecT]) -> tuple[modal.Function, ContainerSize]:
        if plan.stage != "embeddings":
            name, machine = _FUNCTIONS[plan.stage]
            function = modal.Function.from_name(APP, name)
            return function.with_options(max_containers=self.fleet.containers), machine
        _, machine = _EMBEDDERS[self.fleet.engine]
        made_by = plan.settings["embeddings"]
        embedder = self._embedder(
            self.fleet, made_by["model"], made_by["revision"], made_by["precision"]
        )
        return embedder.embed, replace(machine, gpu=self.fleet.gpu if machine.gpu else "")

    def _embedder(
        self, fleet: ContainerOptions, model: str, revision: str, precision: str, **options: Any
    ) -> Any:
        """An instance of the class that computes vectors, with containers as the fleet says."""
        name, machine = _EMBEDDERS[fleet.engine]
        kind = modal.Cls.from_name(APP, name).with_options(
            # All that it reserves is named, so that nothing depends on how Modal merges a part.
            cpu=machine.limits,
            memory=machine.memory_mib,
            gpu=fleet.gpu if machine.gpu else None,
            max_containers=fleet.containers,
            **options,
        )
        kind = kind.with_concurrency(max_inputs=fleet.inputs_per_container)
        return kind(model=model, revision=revision, engine=fleet.engine, precision=precision)


def _called(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    **limit: float,
) -> Any:
    """Let one of the app's functions call a function on the volume as it is now."""
    asking = modal.Function.from_name(APP, name)
    what = f"call {function.__name__}"
    return answer(asking, what, function, args, kwargs, reload_token=_reload_token(), **limit)


def _reload_token() -> str:
    """A random token: a container that receives it reloads the volume.

    So it sees every commit made before.
    """
    return secrets.token_hex(8)
