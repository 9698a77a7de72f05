"""The estimate: what each asset takes, once its shards are handed out, and what it all rests on."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate import rates
from wiki_embeddings.estimate.editions import Edition, edition_of
from wiki_embeddings.estimate.encoding import shape_of
from wiki_embeddings.estimate.figures import Basis, Figure
from wiki_embeddings.estimate.question import Question
from wiki_embeddings.estimate.schedule import Schedule, schedule
from wiki_embeddings.estimate.stages import Stage, stages
from wiki_embeddings.estimate.workload import Workload, workload_of

_FIRMEST_FIRST: tuple[Basis, ...] = ("measured", "published", "given", "predicted", "assumed")


@dataclass(frozen=True)
class AssetEstimate:
    """What one asset takes.

    Attributes:
        asset: Its key.
        wall_s: Seconds from its start to its end, with the questions around its map.
        start_s: Of these, the seconds until containers work.
        tail_s: Of these, the seconds that would be saved if shards could be divided at will.
        containers: Containers that are started; 0 on this machine.
        container_s: Seconds of all containers, with the minute that each is kept.
        gpu_s: Of these, the seconds of containers with a GPU.
        dollars: Price of the containers.
        stored_bytes: Bytes that its files take on the volume.
        basis: The least firm of what its time rests on.
    """

    asset: str
    wall_s: float
    start_s: float
    tail_s: float
    containers: int
    container_s: float
    gpu_s: float
    dollars: float
    stored_bytes: float
    basis: Basis


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        question: What was asked.
        workload: What it goes through.
        assets: What each asset takes, in the order in which they are made, one after another.
        figures: All that the estimate rests on.
        caveats: What it may be wrong about, a sentence each.
    """

    question: Question
    workload: Workload
    assets: tuple[AssetEstimate, ...]
    figures: tuple[Figure, ...]
    caveats: tuple[str, ...]

    @property
    def wall_s(self) -> float:
        """Seconds from start to end."""
        return sum(asset.wall_s for asset in self.assets)

    @property
    def gpu_s(self) -> float:
        """Seconds of all containers with a GPU."""
        return sum(asset.gpu_s for asset in self.assets)

    @property
    def dollars(self) -> float:
        """Price of all containers."""
        return sum(asset.dollars for asset in self.assets)

    @property
    def stored_bytes(self) -> float:
        """Bytes of all files."""
        return sum(asset.stored_bytes for asset in self.assets)


def predict(question: Question) -> Estimate:
    """Estimate a run.

    Raises:
        BadInputError: The wiki's size or the model's shape is not known, or the model does not
            read chunks of that length.
    """
    edition = edition_of(question.wiki, question.characters, question.articles)
    shape = shape_of(question.model_name)
    if question.token_budget > shape.max_length:
        raise BadInputError(
            f"A budget of {question.token_budget} tokens is too large: {question.model_name} reads "
            f"at most {shape.max_length}. Set --token-budget to {shape.max_length} or less."
        )
    work = workload_of(
        edition,
        fraction=question.fraction,
        token_budget=question.token_budget,
        title_prefix=question.title_prefix,
        shard_bytes=question.shard_bytes,
    )
    asked = rates.CLOUD_QUESTIONS if question.on_modal else rates.LOCAL_QUESTIONS
    planned = stages(question, work, shape)
    rests_on = [edition.articles, edition.characters, _tokens(edition)]
    for stage in planned:
        rests_on += [*stage.rests_on, stage.start]
    return Estimate(
        question=question,
        workload=work,
        assets=tuple(_taken(stage, question, asked) for stage in planned),
        figures=tuple(dict.fromkeys([*rests_on, asked])),
        caveats=tuple(_caveats(question, edition, shape)),
    )


def _taken(stage: Stage, question: Question, asked: Figure) -> AssetEstimate:
    """What a stage takes, on Modal or here."""
    on_modal = question.on_modal
    planned = schedule(
        stage.durations_s,
        containers=_most_containers(stage, question) if on_modal else stage.local_places,
        inputs=stage.inputs if on_modal else 1,
        start_s=stage.start.value,
    )
    container_s = _billed_s(planned) if on_modal else 0.0
    return AssetEstimate(
        asset=stage.asset,
        wall_s=planned.wall_s + asked.value,
        start_s=planned.start_s,
        tail_s=planned.tail_s,
        containers=planned.containers if on_modal else 0,
        container_s=container_s,
        gpu_s=container_s if stage.machine.gpu else 0.0,
        dollars=container_s * stage.machine.dollars_per_s,
        stored_bytes=stage.stored_bytes,
        basis=_least_firm(stage.rests_on, elsewhere=on_modal),
    )


def _most_containers(stage: Stage, question: Question) -> int:
    if stage.asset == "embeddings":
        return question.most_containers
    return question.cpu_containers or question.most_containers


def _billed_s(planned: Schedule) -> float:
    return planned.container_s + planned.containers * rates.IDLE_S


def _least_firm(figures: tuple[Figure, ...], *, elsewhere: bool) -> Basis:
    """The least firm basis of some figures; what was measured here only predicts other machines."""
    bases = [figure.basis for figure in figures]
    if elsewhere and "measured" in bases:
        bases.append("predicted")
    return max(bases, key=_FIRMEST_FIRST.index)


def _tokens(edition: Edition) -> Figure:
    script = edition.script
    return Figure(script.tokens_per_character, "tokens a character", script.basis, script.source)


def _caveats(question: Question, edition: Edition, shape: ModelShape) -> list[str]:
    """What the estimate may be wrong about."""
    caveats = []
    if edition.script.basis == "assumed" and not shape.multilingual:
        caveats.append(
            f"{question.model_name} has an English vocabulary: it makes more tokens of this text "
            "than is supposed here. intfloat/multilingual-e5-small has one for many languages."
        )
    if question.on_modal:
        if question.cpu_containers is None:
            caveats.append(
                "Each asset may use as many containers, as in `run`; the launchpad has a number "
                "for each, which --cpu-containers stands for here."
            )
        caveats.append(
            "All containers are supposed to start at once; Modal's queue, its plan's limits and "
            "preemptions are not modelled."
        )
        caveats.append(
            "Dollars are for containers, each kept a minute after its last shard; storage, the "
            "questions between the maps, taxes and credits are not in them."
        )
    if question.on_gpu:
        caveats.append(
            "Not measured: any GPU, any container on Modal, any download from there. The time of "
            "the embeddings follows from the rate above alone; reading and writing are supposed to "
            "keep up with it."
        )
    else:
        caveats.append("Not measured: any other processor than the one above, any whole edition.")
    return caveats
