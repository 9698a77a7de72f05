"""What is asked of an estimate: a wiki, a model, and the machines; refused here if it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from wiki_embeddings.compute.modal.deployment import BAKED_MODEL
from wiki_embeddings.compute.modal.prices import GPU_SECOND
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.volume import MiB

Engine: TypeAlias = Literal["auto", "cpu", "cuda", "tei"]

_DEFAULT_GPU = "A10G"
_DEFAULT_CONTAINERS = 50
_SHARD_MIB = 16.0
_SAMPLE_SHARD_MIB = 0.25


@dataclass(frozen=True)
class Question:
    """What would a run with these options take? They are named as those of `run`.

    A run is taken to be on Modal if a GPU or a number of containers is named, or an engine that
    needs a GPU; else on this machine.

    Attributes:
        wiki: Language code of a Wikipedia.
        fraction: Share of its articles.
        characters: Characters of all its articles, where the table is not to be asked.
        articles: Number of all its articles, likewise.
        model: Name or folder of the model; None for the default of the wiki.
        token_budget: Most tokens in a chunk, special tokens and title included.
        title_prefix: Whether the title stands in front of each chunk.
        shard_mib: MiB of text in a shard; None for the default of the wiki.
        engine: What computes the vectors.
        gpu: GPU of each container, by Modal's name; None for the default.
        containers: Most containers at once; None for the default.
        cpu_containers: Most containers at once of the three assets that need no GPU; None for as
            many, which is what `run` takes. In the launchpad each asset has its own number.
        inputs_per_container: Shards that a container which computes vectors has in hand.
        cores: Cores of this machine.
        utilization: Share of the GPU's half-precision rate that is reached; None for the bar that
            the project has set itself.
        tokens_per_s: Tokens a second that one container encodes, or this machine; None to predict.
    """

    wiki: str = "en"
    fraction: float = 1.0
    characters: float | None = None
    articles: float | None = None
    model: str | None = None
    token_budget: int = 256
    title_prefix: bool = True
    shard_mib: float | None = None
    engine: Engine = "auto"
    gpu: str | None = None
    containers: int | None = None
    cpu_containers: int | None = None
    inputs_per_container: int = 2
    cores: int = 2
    utilization: float | None = None
    tokens_per_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            BadInputError: A value is out of its range, or two of them contradict each other.
        """
        _refuse_outside("fraction", self.fraction, 0, 1)
        _refuse_outside("containers", self.containers, 0, 1000)
        _refuse_outside("cpu-containers", self.cpu_containers, 0, 1000)
        _refuse_outside("inputs-per-container", self.inputs_per_container, 0, 16)
        _refuse_outside("cores", self.cores, 0, 4096)
        _refuse_outside("utilization", self.utilization, 0, 1)
        _refuse_outside("token-budget", self.token_budget, 15, 8192)
        _refuse_outside("shard-mib", self.shard_mib, 0, 1024)
        _refuse_outside("tokens-per-second", self.tokens_per_s, 0, 1e12)
        _refuse_outside("characters", self.characters, 0, 1e15)
        _refuse_outside("articles", self.articles, 0, 1e12)
        if self.gpu is not None and self.gpu not in GPU_SECOND:
            raise BadInputError(
                f"Modal has no GPU {self.gpu!r} that there is a price for, only "
                f"{', '.join(GPU_SECOND)}."
            )
        if self.gpu is not None and self.engine == "cpu":
            raise BadInputError(
                f"The engine cpu does not use the {self.gpu} that is named: leave --gpu out, or "
                "name another engine."
            )
        if self.utilization is not None and not self.on_gpu:
            raise BadInputError("--utilization is of a GPU: name one with --gpu.")
        if self.utilization is not None and self.tokens_per_s is not None:
            raise BadInputError(
                "--utilization predicts what --tokens-per-second says: give one of them."
            )

    @property
    def on_modal(self) -> bool:
        """Whether the stages run on Modal."""
        named = (self.gpu, self.containers, self.cpu_containers)
        return any(option is not None for option in named) or self.engine in {"cuda", "tei"}

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU computes the vectors."""
        return self.on_modal and self.engine != "cpu"

    @property
    def gpu_type(self) -> str:
        """GPU of each container that computes vectors; empty without one."""
        return (self.gpu or _DEFAULT_GPU) if self.on_gpu else ""

    @property
    def most_containers(self) -> int:
        """Most containers at once."""
        return self.containers or _DEFAULT_CONTAINERS

    @property
    def model_name(self) -> str:
        """Name or folder of the model."""
        return self.model or (DEFAULT_MODEL if self.wiki == SAMPLE_WIKI else BAKED_MODEL)

    @property
    def shard_bytes(self) -> float:
        """Bytes of text in a shard."""
        default = _SAMPLE_SHARD_MIB if self.wiki == SAMPLE_WIKI else _SHARD_MIB
        return (self.shard_mib or default) * MiB


def _refuse_outside(option: str, value: float | None, above: float, most: float) -> None:
    """Refuse a value that is not above one bound, or is above the other."""
    if value is not None and not above < value <= most:
        raise BadInputError(
            f"--{option} is {value:g}: choose one above {above:g} and at most {most:,.0f}."
        )
