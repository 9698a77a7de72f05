"""The Modal compute: stages as functions of the deployed app, over its volume.

Knows the app by its names alone (`cloud.py`): what runs is what was deployed, and `preflight.py`
makes sure that this is the code that plans it here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, cast

import modal

from wiki_embeddings.compute import modal_map
from wiki_embeddings.compute.cloud import (
    APP,
    CUTTING,
    EMBEDDING,
    EMBEDDING_CPU,
    FETCHING,
    PUBLISHING,
    VOLUME,
)
from wiki_embeddings.compute.modal_calls import answer
from wiki_embeddings.compute.modal_files import ModalFiles
from wiki_embeddings.compute.preflight import refuse_unready
from wiki_embeddings.compute.prices import Machine
from wiki_embeddings.compute.protocol import ArgumentsT, Event, Finished, Fleet, ResultT
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.stages.shard import Plan, Report, SpecT
from wiki_embeddings.stages.stock import read_stock
from wiki_embeddings.volume import StageName, Volume, call_record

_FUNCTIONS: dict[StageName, tuple[str, Machine]] = {
    "raw": ("fetch_part", FETCHING),
    "chunks": ("cut_shard", CUTTING),
    "hub": ("make_file", PUBLISHING),
}
"""What makes a shard of each stage, but for `embeddings`, whose class depends on the engine."""

_EMBEDDERS = {
    "auto": ("Embedder", EMBEDDING),
    "cuda": ("Embedder", EMBEDDING),
    "tei": ("TeiEmbedder", EMBEDDING),
    "cpu": ("CpuEmbedder", EMBEDDING_CPU),
}
"""What computes vectors, by engine."""


def connect(fleet: Fleet) -> ModalCompute:
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

    fleet: Fleet

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

    def describe(self, model: str, revision: str | None, engine: str) -> EncoderInfo:
        """What an encoder would be in the containers that compute the vectors.

        Asks one of these containers, which has the model loaded when the map begins.
        """
        embedder = self._embedder(replace(self.fleet, engine=engine), model, revision or "")
        return cast("EncoderInfo", answer(embedder.describe, "describe the encoder"))

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function of a stage that reads the volume, in a container."""
        ask = modal.Function.from_name(APP, "ask")
        what = f"call {function.__name__}"
        return cast("ResultT", answer(ask, what, function, args, kwargs, moment=_now()))

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan in containers; see `Compute.map`."""
        self._end_earlier(plan.folder)
        finished = self._finished(plan.folder)
        rest = []
        for shard, spec in enumerate(plan.specs):
            if spec.name in finished:
                yield Finished(shard, Report(finished[spec.name], reused=True, seconds=0.0))
            else:
                rest.append(shard)
        if rest:
            yield from self._map_rest(plan, rest)

    def _map_rest(self, plan: Plan[SpecT], rest: list[int]) -> Generator[Event]:
        function, machine = self._function_for(plan)
        started = modal_map.start(
            function,
            plan.specs,
            rest,
            _now(),
            machine=machine,
            deadline_s=self.fleet.deadline_s,
        )
        with closing(modal_map.events(started, self._record(plan.folder))) as events:
            yield from events

    def _finished(self, folder: str) -> dict[str, ShardFile]:
        """Shards that earlier runs have finished, by name: no GPU is started to find them."""
        asking = modal.Function.from_name(APP, "take_stock")
        if not answer(asking, f"take stock of {folder}", folder, moment=_now()):
            return {}
        return read_stock(self.files, folder)

    def _record(self, folder: str) -> Callable[[str], None]:
        """Writes down which call makes an output, for a run that finds this one gone."""
        return lambda call_id: self.files.write_bytes(call_record(folder), call_id.encode())

    def _end_earlier(self, folder: str) -> None:
        """Cancel what an earlier run may have left at work on the same output.

        Its finished shards are kept. Two maps of one output would only do the same work twice.
        """
        with suppress(FileNotFoundError):
            earlier = self.files.read_bytes(call_record(folder)).decode()
            with suppress(modal.exception.NotFoundError):  # Modal forgets calls after some days
                modal.FunctionCall.from_id(earlier).cancel(terminate_containers=True)

    def _function_for(self, plan: Plan[SpecT]) -> tuple[modal.Function, Machine]:
        if plan.stage != "embeddings":
            name, machine = _FUNCTIONS[plan.stage]
            function = modal.Function.from_name(APP, name)
            return function.with_options(max_containers=self.fleet.containers), machine
        _, machine = _EMBEDDERS[self.fleet.engine]
        made_by = plan.settings["embeddings"]
        embedder = self._embedder(self.fleet, made_by["model"], made_by["revision"])
        return embedder.embed, replace(machine, gpu=self.fleet.gpu if machine.gpu else "")

    def _embedder(self, fleet: Fleet, model: str, revision: str) -> Any:
        """An instance of the class that computes vectors, with containers as the fleet says."""
        name, machine = _EMBEDDERS[fleet.engine]
        options = modal.Cls.from_name(APP, name).with_options(
            max_containers=fleet.containers, gpu=fleet.gpu if machine.gpu else None
        )
        kind = options.with_concurrency(max_inputs=fleet.inputs_per_container)
        return kind(model=model, revision=revision, engine=fleet.engine)


def _now() -> str:
    """Name of this moment; what has been committed before it is seen by whoever is told it."""
    return secrets.token_hex(8)
