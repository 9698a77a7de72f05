"""The options of the run to estimate; contradictory ones and values out of range are refused."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.compute.modal.deployment import EMBED_CONTAINER, shards_in_hand
from wiki_embeddings.compute.modal.prices import gpu_dollars_per_s
from wiki_embeddings.encoders.models.languages import default_model, require_language
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.figures import HALF_PRECISION_TFLOPS
from wiki_embeddings.settings import SAMPLE_WIKI, require_wiki

_DEFAULT_CONTAINERS = 50
_SHARD_ARTICLES, _SAMPLE_SHARD_ARTICLES = 4096, 8


@dataclass(frozen=True)
class RunOptions:
    """Options of a run, named after those of `wiki-embeddings run`; None stands for a default.

    The run is on Modal if a GPU or a number of containers is given, or an engine that needs a GPU;
    otherwise on this machine.

    Attributes:
        wiki: Language code of a Wikipedia.
        fraction: Share of its articles.
        characters: Characters of all its articles.
        articles: Number of all its articles.
        model: Name or folder of the model.
        allow_english_model: True to accept a model that reads English only for any language.
        token_budget: Most tokens in a chunk, special tokens and title included.
        title_prefix: True to put the title in front of each chunk.
        articles_per_shard: Mean number of articles in a shard.
        engine: `auto`, `cpu`, `cuda` or `tei`.
        gpu: GPU of each container, by Modal's name.
        containers: Most containers at once.
        cpu_containers: The same for assets that need no GPU; by default `containers`, as in `run`.
        inputs_per_container: Shards that a container which computes vectors has in hand at once; by
            default as many as its GPU needs.
        cores: Cores of this machine.
        utilization: Share of the GPU's half-precision rate that is reached.
        tokens_per_s: Tokens/s that one container, or this machine, encodes; predicted by default.
    """

    wiki: str = "en"
    fraction: float = 1.0
    characters: float | None = None
    articles: float | None = None
    model: str | None = None
    allow_english_model: bool = False
    token_budget: int = 256
    title_prefix: bool = True
    articles_per_shard: int | None = None
    engine: str = "auto"
    gpu: str | None = None
    containers: int | None = None
    cpu_containers: int | None = None
    inputs_per_container: int | None = None
    cores: int = 2
    utilization: float | None = None
    tokens_per_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse values out of range and options that contradict each other."""
        require_wiki(self.wiki)
        if not self.allow_english_model:
            require_language(self.model_name, self.wiki)
        _require_range("fraction", self.fraction, 0, 1)
        _require_range("containers", self.containers, 0, 1000)
        _require_range("cpu-containers", self.cpu_containers, 0, 1000)
        _require_range("inputs-per-container", self.inputs_per_container, 0, 16)
        _require_range("cores", self.cores, 0, 4096)
        _require_range("utilization", self.utilization, 0, 1)
        _require_range("token-budget", self.token_budget, 15, 8192)
        _require_range("articles-per-shard", self.articles_per_shard, 0, 65_536)
        _require_range("tokens-per-second", self.tokens_per_s, 0, 1e12)
        _require_range("characters", self.characters, 0, 1e15)
        _require_range("articles", self.articles, 0, 1e12)
        if self.gpu is not None and (
            self.gpu not in HALF_PRECISION_TFLOPS or gpu_dollars_per_s(self.gpu) is None
        ):
            raise BadInputError(
                f"The price or the speed of Modal's GPU {self.gpu!r} is not known here. Choose one "
                f"of {', '.join(HALF_PRECISION_TFLOPS)}."
            )
        if self.gpu is not None and self.engine == "cpu":
            raise BadInputError(
                f"The engine cpu does not use the {self.gpu}: leave --gpu out, or choose another "
                "engine."
            )
        if self.utilization is not None and not self.on_gpu:
            raise BadInputError(
                "--utilization is the share of a GPU's rate: choose one with --gpu."
            )
        if self.utilization is not None and self.tokens_per_s is not None:
            raise BadInputError("Give either --utilization or --tokens-per-second, not both.")

    @property
    def on_modal(self) -> bool:
        """True if the stages run on Modal."""
        given = (self.gpu, self.containers, self.cpu_containers) != (None, None, None)
        return given or self.engine in {"cuda", "tei"}

    @property
    def on_gpu(self) -> bool:
        """True if a GPU computes the vectors."""
        return self.on_modal and self.engine != "cpu"

    @property
    def gpu_type(self) -> str:
        """GPU of each container that computes vectors; empty without one."""
        return (self.gpu or EMBED_CONTAINER.gpu) if self.on_gpu else ""

    @property
    def max_containers(self) -> int:
        """Most containers at once."""
        return self.containers or _DEFAULT_CONTAINERS

    @property
    def shards_in_hand(self) -> int:
        """Shards that each container which computes vectors works on at once."""
        return self.inputs_per_container or shards_in_hand(self.gpu_type)

    @property
    def model_name(self) -> str:
        """Name or folder of the model."""
        return self.model or default_model(self.wiki)

    @property
    def shard_articles(self) -> int:
        """Mean number of articles in a shard."""
        default = _SAMPLE_SHARD_ARTICLES if self.wiki == SAMPLE_WIKI else _SHARD_ARTICLES
        return self.articles_per_shard or default


def _require_range(option: str, value: float | None, above: float, most: float) -> None:
    if value is not None and not above < value <= most:
        raise BadInputError(
            f"--{option} is {value:g}: choose one above {above:g} and at most {most:,.0f}."
        )
