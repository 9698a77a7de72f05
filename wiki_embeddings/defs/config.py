"""Run config of the assets: everything that changes a result, as the launchpad shows it.

Every field has a default that the launchpad can show, because it leaves out those without a value:
`auto`, `newest`, an empty text or 0 stand for what the project chooses. Dagster's schema knows the
fields' names, types and descriptions, so the descriptions tell the bounds; they are checked when a
run begins, by `preflight.py`. What depends on a model or a source is validated by the stage that
reads it.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field, ValidationError, field_validator

from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.compute.modal.deployment import shards_in_hand
from wiki_embeddings.compute.modal.prices import GPU_SECOND, gpu_name
from wiki_embeddings.compute.protocol import ContainerOptions
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.encoders.models.languages import (
    ENGLISH_MODEL,
    MULTILINGUAL_MODEL,
    default_model,
    require_language,
)
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.sources.protocol import WIKIMEDIA_WIKIPEDIA, ArticleSelection

_SHARD_ARTICLES = 4096
"""About 16 MiB of text and a minute of work on a GPU: enough shards to spread, few enough for a
small manifest."""

_SAMPLE_SHARD_ARTICLES = 8
"""The sample is small; this gives it a dozen shards, so that it runs the way an edition does."""


AUTO = "auto"
"""Value of a field that the project chooses."""

NEWEST = "newest"
"""Value of `snapshot` for the newest complete one."""


def _number(
    default: float,
    description: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
) -> Any:
    """Return a field for a number, whose description tells its bounds as well."""
    least = f"Above {gt:g}" if gt is not None else f"At least {ge:,g}"
    most = f", at most {le:,g}" if le is not None else ""
    return Field(default=default, ge=ge, gt=gt, le=le, description=f"{description} {least}{most}.")


class ArticleSource(Enum):
    """Where articles come from. Lower case: Dagster shows the members' names."""

    auto = "auto"
    dump = "dump"
    hub = "hub"


class Engine(Enum):
    """The engine that computes the vectors. Lower case: Dagster shows the members' names."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    tei = "tei"


class Precision(Enum):
    """Number format to compute in; auto leaves it to the engine."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    int8 = "int8"


def _unless_auto(value: str | None) -> str | None:
    """Return a value; None if the project chooses it. Config of earlier releases may hold null."""
    return None if value == AUTO else value


class AssetConfig(dg.Config):
    """Config of an asset, refused in a sentence where Pydantic alone would end in a traceback.

    Attributes:
        asset: Key of the asset.
    """

    asset: ClassVar[str]

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))} is {fault['input']!r}: "
                f"{fault['msg'].removeprefix('Value error, ').removesuffix('.')}"
                for fault in error.errors()
            )
            raise dg.Failure(
                description=f"The config of {self.asset} cannot work: {faults}.",
                allow_retries=False,
            ) from error


class ContainersConfig(AssetConfig):
    """The containers to use on Modal; ignored on the local machine."""

    containers: int = _number(
        50, "On Modal: most containers at once. A first try with 1 costs cents.", ge=1, le=1000
    )
    deadline_minutes: float = _number(
        30.0,
        "On Modal: give up after so many minutes in which containers worked and no shard finished, "
        "because Modal restarts a crashing container endlessly.",
        gt=0,
    )
    queue_minutes: float = _number(
        240.0,
        "On Modal: give up after so many minutes without a first container; a GPU may be scarce "
        "for hours.",
        gt=0,
    )
    max_dollars: float | None = _number(
        0.0,
        "On Modal: stop the run once the containers of its maps have cost so many US dollars, over "
        "all assets and attempts; what is finished is kept. 0 for no limit but Modal's own budget "
        "of the workspace.",
        ge=0,
    )

    def container_options(self) -> ContainerOptions:
        """The containers that this config asks for, as the compute takes them."""
        return ContainerOptions(
            self.containers,
            deadline_s=self.deadline_minutes * 60,
            queue_s=self.queue_minutes * 60,
        )


class RawWikipediaConfig(ContainersConfig):
    """Which articles to fetch."""

    asset = RAW_WIKIPEDIA

    source: ArticleSource = Field(
        default=ArticleSource.auto,
        description="Where the articles come from: dump is Wikimedia's monthly exports, hub a "
        "dataset on the Hugging Face Hub; auto is dump, and for the sample its installed file.",
    )
    snapshot: str | None = Field(
        default=NEWEST,
        pattern=rf"^(\d{{8}}|{NEWEST})$",
        description="Date of the export or edition, such as 20261101, or newest for the newest "
        "complete one. The sample has a fixed one.",
    )
    hub_dataset: str = Field(
        default=WIKIMEDIA_WIKIPEDIA,
        description="For the source hub: a dataset of Parquet files with the columns id, url, "
        "title and text.",
    )
    hub_revision: str | None = Field(
        default=AUTO,
        description="For the source hub: branch, tag or commit of that dataset. auto is a "
        f"pinned commit of {WIKIMEDIA_WIKIPEDIA}, of any other the newest, which is recorded.",
    )
    deadline_minutes: float = _number(
        180.0,
        "On Modal: give up after so many minutes in which no part finished. A file of the English "
        "export takes an hour to fetch over one connection and to convert.",
        gt=0,
    )
    fraction: float = _number(
        1.0,
        "Share of the articles to keep: 0.01 for a dry run. Only the files needed for it are "
        "fetched.",
        gt=0,
        le=1,
    )
    articles_per_shard: int | None = _number(
        0,
        "Mean number of articles in a shard, the unit of work of the next assets; page ids decide "
        "where one ends. 0 for 4096, about 16 MiB of text; for the sample 8.",
        ge=0,
        le=65_536,
    )
    max_missing_share: float = _number(
        0.01,
        "Largest share of the articles of the earlier snapshot that may be gone; with more, the "
        "check articles_complete stops the run. From 0.05 on, the snapshot may also have so much "
        "less than the wiki counts itself.",
        ge=0,
        le=1,
    )
    required_titles: str | None = Field(
        default="",
        description="Path of a text file with titles of articles that must be there, one a line; "
        "the check articles_complete stops the run if one is missing.",
    )

    def selection(self, wiki: str) -> ArticleSelection:
        """The articles that this config asks for, as a source takes them."""
        return ArticleSelection(
            wiki=wiki,
            source=self.source.value,
            snapshot=None if self.snapshot == NEWEST else self.snapshot,
            fraction=self.fraction,
            hub_dataset=self.hub_dataset,
            hub_revision=_unless_auto(self.hub_revision),
        )

    def shard_articles(self, wiki: str) -> int:
        """Mean number of articles in a shard of a wiki."""
        default = _SAMPLE_SHARD_ARTICLES if wiki == SAMPLE_WIKI else _SHARD_ARTICLES
        return self.articles_per_shard or default


class ChunkedVolumeConfig(ContainersConfig):
    """How to cut articles into chunks."""

    asset = CHUNKED_VOLUME

    model: str | None = Field(
        default=AUTO,
        description="Embedding model: its tokenizer decides where chunks end, and it computes the "
        f"vectors. A name on the Hub or a folder. auto is {ENGLISH_MODEL} for en and simple; "
        f"{DEFAULT_MODEL}, which is installed with the project, for the sample; and "
        f"{MULTILINGUAL_MODEL} for all other languages.",
    )
    allow_english_model: bool = Field(
        default=False,
        description="Accept a model that reads English only for an edition in another language. "
        "Without it, such a model is refused.",
    )
    model_revision: str | None = Field(
        default=AUTO,
        description="Commit of the model on the Hub. auto is the pinned one of a model that the "
        "project knows, else the newest, which is recorded.",
    )
    token_budget: int = _number(
        256,
        "Most tokens in a chunk, special tokens, prefix and title included.",
        ge=16,
        le=8192,
    )
    title_prefix: bool = Field(
        default=True,
        description="Put the article's title in front of each of its chunks.",
    )
    engine: Engine = Field(
        default=Engine.auto,
        description="Engine that will compute the vectors. It changes no chunk, but a model that "
        "only tei can compute is refused now unless this is tei.",
    )

    def model_for(self, wiki: str) -> str:
        """Name or folder of a wiki's model.

        Raises:
            BadInputError: The model is known to read English only, and the wiki is in another
                language.
        """
        model = _unless_auto(self.model) or default_model(wiki)
        if not self.allow_english_model:
            require_language(model, wiki)
        return model

    @property
    def wanted_revision(self) -> str | None:
        """Commit of the model; None leaves it to the project."""
        return _unless_auto(self.model_revision)


class EmbeddingsConfig(ContainersConfig):
    """How to compute the vectors."""

    asset = EMBEDDINGS

    engine: Engine = Field(
        default=Engine.auto,
        description="Engine that computes the vectors: auto takes the GPU if there is one, else "
        "the processor; tei is Hugging Face's Text Embeddings Inference.",
    )
    precision: Precision = Field(
        default=Precision.auto,
        description="Number format to compute in. The processor offers float32 and int8, which "
        "auto takes where it is faster; with OpenVINO also bfloat16, on processors with AMX or "
        "AVX-512 BF16: nearly as exact as float32 and much faster, with AMX nearly as fast as "
        "int8. A GPU and tei offer float16. Vectors are stored as float16.",
    )
    gpu: str = Field(
        default="A10",
        min_length=1,
        description=f"On Modal: GPU of each container, such as {', '.join(GPU_SECOND)}. Modal "
        "decides which there are: another name is passed on, with a warning.",
    )
    inputs_per_container: int | None = _number(
        0,
        "On Modal: shards that a container works on at once, so that others are read or written "
        "while one is computed; 0 for 4 on an H100 or faster, else 2.",
        ge=0,
        le=16,
    )

    @field_validator("gpu")
    @classmethod
    def _spell_gpu(cls, value: str) -> str:
        try:
            return gpu_name(value)
        except BadInputError as error:
            raise ValueError(str(error)) from error

    @property
    def wanted_precision(self) -> str | None:
        """Number format to compute in; None leaves it to the engine."""
        return None if self.precision is Precision.auto else self.precision.value

    def container_options(self) -> ContainerOptions:
        """The containers that this config asks for, as the compute takes them."""
        return replace(
            super().container_options(),
            engine=self.engine.value,
            gpu=self.gpu,
            inputs_per_container=self.inputs_per_container or shards_in_hand(self.gpu),
        )


class IndexChoice(Enum):
    """Whether a dataset gets an index."""

    auto = "auto"
    on = "on"
    off = "off"


class HubDatasetConfig(ContainersConfig):
    """How the dataset is laid out and published."""

    asset = HUB_DATASET

    shards_per_file: int = _number(
        12,
        "Mean number of shards in a data file, which holds whole ones; page ids decide where it "
        "ends. 12 shards of 4096 articles make about 250 MiB.",
        ge=1,
        le=1000,
    )
    index: IndexChoice = Field(
        default=IndexChoice.auto,
        description="Whether the dataset gets an index, with which a search reads a few MB of it; "
        "auto makes one above 100,000 chunks. It adds some 5 % to the size of the files.",
    )
    private: bool = Field(
        default=False,
        description="Create the repository on the Hub as a private one. An existing public "
        "repository is refused, not changed.",
    )
    replace_existing: bool = Field(
        default=False,
        description="Replace a dataset of that name on the Hub that this project has not "
        "published; its data, card and record are deleted from `main`, and stay in its history.",
    )
    upload_containers: int = _number(
        10,
        "On Modal: most containers that upload at once; the Hub limits requests.",
        ge=1,
        le=50,
    )

    def upload_options(self) -> ContainerOptions:
        """The containers to upload with."""
        return replace(self.container_options(), containers=self.upload_containers)


CONFIGS: Mapping[str, type[AssetConfig]] = {
    config.asset: config
    for config in (RawWikipediaConfig, ChunkedVolumeConfig, EmbeddingsConfig, HubDatasetConfig)
}
"""The config class of each asset, by its key."""


def plain_value(value: Any) -> Any:
    """Return a value of a config field as Dagster's schema has it: an enum's member by its name."""
    return value.name if isinstance(value, Enum) else value
