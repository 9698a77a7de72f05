"""Run config of the assets: everything that changes a result, as the launchpad shows it.

Fields are validated here, before anything runs; what only a model or a source can know is
validated by the stage that asks it.
"""

from dataclasses import replace
from enum import Enum

import dagster as dg
from pydantic import Field

from wiki_embeddings.compute.protocol import ContainerOptions
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.volume import MiB

_SHARD_MIB = 16.0
"""About a minute of work on a GPU: enough shards to spread, few enough to keep a manifest small."""

_SAMPLE_SHARD_MIB = 0.25
"""The sample is small; this makes a dozen shards of it, so that what runs is what would run."""

SAMPLE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
ENGLISH_MODEL = "BAAI/bge-small-en-v1.5"


class Engine(Enum):
    """What computes the vectors. Lower case, because Dagster shows and takes members' names."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    tei = "tei"


class Precision(Enum):
    """Numbers to compute with; auto leaves it to the engine."""

    auto = "auto"
    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


class Gpu(Enum):
    """GPU types of Modal, by its names; but names of members have no hyphens."""

    T4 = "T4"
    L4 = "L4"
    A10G = "A10G"
    L40S = "L40S"
    A100_40GB = "A100_40GB"
    A100_80GB = "A100_80GB"
    H100 = "H100"
    H200 = "H200"
    B200 = "B200"


class OnModal(dg.Config):
    """How to spread the shards over containers; the local machine has what it has."""

    containers: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="On Modal: most containers at once. A first try with 1 costs cents.",
    )
    deadline_minutes: float = Field(
        default=30.0,
        gt=0.0,
        description="On Modal: minutes without any shard finished after which the map is given up, "
        "because Modal starts a container that ends itself again without end.",
    )

    def fleet(self) -> ContainerOptions:
        """The containers that this config asks for."""
        return ContainerOptions(self.containers, deadline_s=self.deadline_minutes * 60)


class RawWikipediaConfig(OnModal):
    """What to fetch."""

    snapshot: str = Field(
        default="20231101",
        pattern=r"^\d{8}$",
        description="Date of the edition of wikimedia/wikipedia; the sample has its own.",
    )
    fraction: float = Field(
        default=1.0,
        gt=0.0,
        le=1.0,
        description="Share of the articles to keep: 0.01 for a dry run. From the Hub, only the "
        "files that it needs are fetched.",
    )
    shard_mib: float | None = Field(
        default=None,
        gt=0.0,
        le=1024.0,
        description="MiB of text in a shard, the unit of work of the next assets. By default 16, "
        "for the sample 0.25.",
    )

    def shard_bytes(self, wiki: str) -> int:
        """Bytes of text in a shard of a wiki."""
        default = _SAMPLE_SHARD_MIB if wiki == SAMPLE_WIKI else _SHARD_MIB
        return max(1, round((self.shard_mib or default) * MiB))


class ChunkedVolumeConfig(OnModal):
    """How to cut articles into chunks."""

    model: str | None = Field(
        default=None,
        description="Model whose tokenizer decides, and which computes the vectors afterwards: a "
        f"name on the Hub or a folder. By default {ENGLISH_MODEL}, for the sample {SAMPLE_MODEL}, "
        "which is installed with the project.",
    )
    model_revision: str | None = Field(
        default=None,
        description="Commit of the model on the Hub. By default the pinned one where the project "
        "knows the model, else the newest, which is recorded.",
    )
    token_budget: int = Field(
        default=256,
        ge=16,
        le=8192,
        description="Most tokens in a chunk, special tokens, prefix and title included.",
    )
    title_prefix: bool = Field(
        default=True,
        description="Put the article's title in front of each of its chunks.",
    )
    engine: Engine = Field(
        default=Engine.auto,
        description="What is to compute the vectors. It changes no chunk: a model that only tei "
        "can compute is refused now, unless this is tei.",
    )

    def model_for(self, wiki: str) -> str:
        """Name or folder of the model for a wiki."""
        return self.model or (SAMPLE_MODEL if wiki == SAMPLE_WIKI else ENGLISH_MODEL)


class EmbeddingsConfig(OnModal):
    """How to compute the vectors."""

    engine: Engine = Field(
        default=Engine.auto,
        description="What computes the vectors: auto takes the GPU where there is one and else the "
        "processor; tei is Hugging Face's Text Embeddings Inference.",
    )
    precision: Precision = Field(
        default=Precision.auto,
        description="Numbers to compute with. The processor has int8, which auto takes where that "
        "is faster, and float32; a GPU and tei have float16. Vectors are stored as float16.",
    )
    gpu: Gpu = Field(default=Gpu.A10G, description="On Modal: GPU of each container.")
    inputs_per_container: int = Field(
        default=2,
        ge=1,
        le=16,
        description="On Modal: shards that a container has in hand at once, so that one is read or "
        "written while another is computed.",
    )

    @property
    def wanted_precision(self) -> str | None:
        """Numbers to compute with; None to leave it to the engine."""
        return None if self.precision is Precision.auto else self.precision.value

    def fleet(self) -> ContainerOptions:
        """The containers that this config asks for."""
        return replace(
            super().fleet(),
            engine=self.engine.value,
            gpu=self.gpu.value.replace("_", "-"),
            inputs_per_container=self.inputs_per_container,
        )


class HubDatasetConfig(OnModal):
    """How to lay out what is published, and how it goes to the Hub."""

    file_mib: float = Field(
        default=256.0,
        ge=1.0,
        le=512.0,
        description="MiB in a data file, about: whole shards are put together until it is reached.",
    )
    private: bool = Field(
        default=False,
        description="Whether a repository that has to be made on the Hub is private. One that is "
        "public already is then refused, not changed.",
    )
    upload_containers: int = Field(
        default=10,
        ge=1,
        le=50,
        description="On Modal: most containers that upload to the Hub at once; it limits requests.",
    )

    def upload_options(self) -> ContainerOptions:
        """The containers that upload."""
        return replace(self.fleet(), containers=self.upload_containers)
