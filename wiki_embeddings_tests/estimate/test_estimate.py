"""Estimates: arithmetic that must come near to what was measured and published; no clock."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.prices import GPU_SECOND
from wiki_embeddings.defs.config import (
    ENGLISH_MODEL,
    SAMPLE_MODEL,
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    RawWikipediaConfig,
)
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate import (
    HALF_PRECISION_TFLOPS,
    Estimate,
    Question,
    Shape,
    flops_per_token,
    predict,
    report,
)
from wiki_embeddings.estimate.editions import EDITIONS, Edition
from wiki_embeddings.estimate.encoding import SHAPES, shape_of
from wiki_embeddings.estimate.figures import Figure
from wiki_embeddings.estimate.rates import IDLE_S
from wiki_embeddings.estimate.schedule import schedule
from wiki_embeddings.estimate.workload import workload_of
from wiki_embeddings.host import duration
from wiki_embeddings.sources import sample
from wiki_embeddings.stages.article_chunker import cutter
from wiki_embeddings_tests.compute.modal.cloud import REPOSITORY
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

FIFTY_A10G = Question(gpu="A10G", containers=50)


def embeddings_of(question: Question):
    return next(asset for asset in predict(question).assets if asset.asset == "embeddings")


def encoder_rate_of(estimate: Estimate) -> Figure:
    (rate,) = (figure for figure in estimate.figures if figure.unit.startswith("tokens/s"))
    return rate


# ---- Near to what was measured and published.


def test_the_sample_on_two_cores_takes_what_it_took():
    # s for the embeddings, `make demo` of 2026-11-23; another measurement than the rate
    took = 67.0
    found = predict(Question(wiki="sample"))
    assert embeddings_of(Question(wiki="sample")).wall_s == pytest.approx(took, rel=0.1)
    assert all(asset.basis == "measured" for asset in found.assets)
    assert found.dollars == found.gpu_s == 0


def test_the_sample_is_counted_as_its_run_counted_it():
    found = predict(Question(wiki="sample"))
    work = found.workload
    assert work.articles == 106
    assert work.characters == 2_936_476
    assert work.text_bytes == pytest.approx(2_943_938)
    assert work.chunks == pytest.approx(2815, rel=0.005)
    assert work.encoded_tokens == pytest.approx(628_719, rel=0.005)
    assert work.attended == pytest.approx(226, rel=0.02)
    assert len(work.parts) == 4
    assert len(work.shards) == 12
    written = {
        "raw_wikipedia": 1_232_074,
        "chunked_volume": 2_389_372,
        "embeddings": 3_349_446,
        "hub_dataset": 3_337_861,
    }
    assert {asset.asset: asset.stored_bytes for asset in found.assets} == pytest.approx(
        written, rel=0.03
    )


def test_the_published_run_comes_out_as_it_was():
    lost = 1 - 21_734_383 * 885.24 / 19_560_538_957  # of its characters were skipped
    published = predict(replace(FIFTY_A10G, engine="tei", containers=100))
    at_work = embeddings_of(published.question)
    computing_s = at_work.wall_s - at_work.start_s - at_work.tail_s - 30
    assert computing_s * (1 - lost) == pytest.approx(885.24, rel=0.001)
    assert at_work.wall_s == pytest.approx(885.24, rel=0.15), "with start, tail and questions"
    assert encoder_rate_of(published).basis == "published"


def test_fifty_machines_of_the_published_run_take_the_half_hour_that_it_tells_of():
    half = embeddings_of(replace(FIFTY_A10G, engine="tei"))
    assert half.wall_s == pytest.approx(30 * 60, rel=0.1)


def test_english_wikipedia_has_about_the_tokens_that_the_project_reckons_with():
    assert predict(FIFTY_A10G).workload.encoded_tokens == pytest.approx(4.4e9, rel=0.06)


# ---- What a token costs.


def test_a_token_of_bge_small_costs_45_megaflop():
    assert flops_per_token(SHAPES["BAAI/bge-small-en-v1.5"], 176) == pytest.approx(45.7e6, rel=1e-3)


def test_the_weights_of_minilm_take_part_once_and_attention_grows_with_the_length():
    shape = SHAPES["sentence-transformers/all-MiniLM-L6-v2"]
    assert flops_per_token(shape, 0) == 2 * 10_616_832
    assert flops_per_token(shape, 225) - flops_per_token(shape, 0) == 6 * 4 * 384 * 225


def test_half_as_many_operations_or_twice_the_share_are_twice_the_rate():
    small = encoder_rate_of(predict(FIFTY_A10G))
    twice = encoder_rate_of(predict(replace(FIFTY_A10G, utilization=0.5)))
    assert twice.value == pytest.approx(2 * small.value)
    assert small.value == pytest.approx(70e12 * 0.25 / 46.1e6, rel=0.01)
    assert small.basis == twice.basis == "predicted"
    assert "assumed" in small.source
    assert "given" in twice.source


def test_every_gpu_with_a_price_has_a_rate():
    assert set(HALF_PRECISION_TFLOPS) == set(GPU_SECOND)


def test_every_model_that_is_known_by_name_has_a_shape():
    assert set(KNOWN_MODELS) <= set(SHAPES)


def test_the_bundled_model_has_the_shape_that_its_own_files_tell():
    model = resolve(SAMPLE_MODEL)
    found = model.shape
    told = Shape(found.layers, found.hidden_size, found.intermediate_size, model.max_length)
    assert SHAPES[SAMPLE_MODEL] == told


def test_a_folder_tells_its_shape_itself(tmp_path):
    folder = write_tiny_model(tmp_path / "tiny")
    found = resolve(folder).shape
    assert shape_of(str(folder)).layers == found.layers
    assert predict(Question(model=str(folder), token_budget=32)).wall_s > 0


# ---- How much there is to do.


@cache
def sample_articles() -> pa.Table:
    parts = sample.plan(1.0).parts
    batches = [batch for part in parts for batch in sample.open_part(part, lambda _: None).batches]
    return pa.Table.from_batches(batches)


def cut_after(characters: int) -> pa.Table:
    """The sample's articles, each paragraph's end after so many characters beginning a new one."""
    rows = []
    for article in sample_articles().to_pylist():
        text = ""
        for line in article["text"].splitlines(keepends=True):
            text += line
            if len(text) >= characters:
                rows.append({**article, "text": text})
                text = ""
        rows.append({**article, "text": text})
    return pa.Table.from_pylist(rows, schema=sample_articles().schema)


@pytest.mark.parametrize(
    ("characters", "token_budget", "title_prefix"),
    [(2500, 128, True), (2500, 256, False), (10**9, 128, False), (10**9, 256, True)],
)
def test_the_rule_for_chunks_is_what_the_chunker_does(characters, token_budget, title_prefix):
    articles = cut_after(characters) if characters < 10**9 else sample_articles()
    cut = cutter(SAMPLE_MODEL, None, token_budget, title_prefix).cut(articles)
    tokens = cut.column("tokens")
    ruled = workload_of(
        sized(EDITIONS["sample"], articles.num_rows),
        fraction=1.0,
        token_budget=token_budget,
        title_prefix=title_prefix,
        shard_bytes=1e6,
    )
    assert ruled.chunks == pytest.approx(cut.num_rows, rel=0.05)
    assert ruled.stored_tokens == pytest.approx(len(tokens.flatten()), rel=0.01)


def sized(edition: Edition, articles: int) -> Edition:
    return replace(edition, articles=Figure(articles, "articles", "given", ""))


def test_every_edition_says_where_its_size_is_from():
    for edition in EDITIONS.values():
        assert edition.articles.source
        assert edition.characters.source
        assert 100 < edition.characters.value / edition.articles.value < 30_000
        assert 1 <= edition.script.bytes_per_character < 4


def test_a_dry_run_fetches_one_whole_file_and_keeps_a_little_of_it():
    whole = predict(FIFTY_A10G)
    little = predict(replace(FIFTY_A10G, fraction=0.001))
    assert len(little.workload.parts) == 1
    assert little.workload.file_bytes == whole.workload.file_bytes
    assert little.workload.chunks == pytest.approx(whole.workload.chunks / 1000, rel=0.01)
    assert little.assets[0].containers == 1


def test_a_size_that_is_given_goes_before_the_table():
    found = predict(Question(wiki="klingon", characters=2e6, articles=500))
    assert found.workload.characters == 2e6
    assert found.figures[0].basis == found.figures[1].basis == "given"
    doubled = predict(replace(FIFTY_A10G, characters=2 * 19_560_538_957))
    assert doubled.workload.chunks > 1.8 * predict(FIFTY_A10G).workload.chunks


# ---- Handing out shards.


def test_shards_that_do_not_divide_by_containers_leave_a_tail():
    found = schedule([10.0] * 3, containers=2, inputs=1, start_s=5.0)
    assert found.finishes_s == (25.0, 15.0)
    assert found.wall_s == 25
    assert found.tail_s == 5  # 30 s of work on two containers could be done in 15


def test_the_longest_shards_go_first():
    assert schedule([1, 1, 1, 1, 4], containers=2, inputs=1, start_s=0).wall_s == 4


def test_no_more_containers_are_started_than_have_work():
    assert schedule([1.0] * 6, containers=50, inputs=2, start_s=0).containers == 3


def test_two_shards_in_hand_share_their_container():
    together = schedule([10.0, 10.0], containers=1, inputs=2, start_s=0)
    assert together.wall_s == schedule([10.0, 10.0], containers=1, inputs=1, start_s=0).wall_s == 20


@given(
    durations=st.lists(st.floats(0.1, 100), min_size=1, max_size=60),
    containers=st.integers(1, 20),
    inputs=st.integers(1, 3),
)
def test_a_schedule_does_all_the_work_and_wastes_little(durations, containers, inputs):
    found = schedule(durations, containers=containers, inputs=inputs, start_s=3.0)
    spread = 3.0 + sum(durations) / found.containers
    assert found.wall_s >= max(spread, 3.0 + max(durations)) - 1e-6
    assert found.wall_s <= spread + inputs * max(durations) + 1e-6
    assert found.wall_s == max(found.finishes_s)
    assert len(found.finishes_s) == found.containers <= containers


def test_more_containers_take_less_time():
    walls = [
        embeddings_of(replace(FIFTY_A10G, containers=number)).wall_s
        for number in (1, 2, 5, 10, 50, 200)
    ]
    assert all(slower > faster for slower, faster in pairwise(walls))


# ---- What it costs, and what it rests on.


def test_each_asset_costs_its_containers_seconds_with_the_minute_that_they_are_kept():
    found = embeddings_of(FIFTY_A10G)
    a10g = replace(deployment.EMBEDDING, gpu="A10G")
    assert found.dollars == pytest.approx(found.container_s * a10g.dollars_per_s)
    assert found.gpu_s == found.container_s
    least = 50 * (found.wall_s - 30 - found.tail_s + IDLE_S)
    most = 50 * (found.wall_s - 30 + IDLE_S)
    assert least - 1e-6 <= found.container_s <= most
    raw, chunks, _, hub = predict(FIFTY_A10G).assets
    assert raw.gpu_s == chunks.gpu_s == hub.gpu_s == 0


def test_a_rate_of_ones_own_changes_the_embeddings_and_nothing_else():
    usual = predict(FIFTY_A10G)
    own = predict(replace(FIFTY_A10G, tokens_per_s=1e6))
    for before, after in zip(usual.assets, own.assets, strict=True):
        assert (before == after) == (before.asset != "embeddings")
    assert encoder_rate_of(own).basis == "given"
    tokens = own.workload.encoded_tokens
    assert embeddings_of(own.question).wall_s > 45 + tokens / 50e6


def test_what_was_measured_here_is_only_predicted_for_other_machines():
    by_asset = {asset.asset: asset.basis for asset in predict(FIFTY_A10G).assets}
    assert by_asset["raw_wikipedia"] == "assumed"
    assert by_asset["chunked_volume"] == by_asset["embeddings"] == "predicted"
    assert embeddings_of(Question(wiki="simple", cores=16)).basis == "predicted"


def test_the_other_assets_may_have_containers_of_their_own():
    alone = predict(Question(gpu="H200", containers=1))
    helped = predict(Question(gpu="H200", containers=1, cpu_containers=50))
    assert helped.wall_s < alone.wall_s / 3
    assert embeddings_of(alone.question) == embeddings_of(helped.question)
    assert any("--cpu-containers" in caveat for caveat in alone.caveats)
    assert not any("--cpu-containers" in caveat for caveat in helped.caveats)


def test_an_english_vocabulary_for_another_script_is_told():
    def warned(model):
        found = predict(Question(wiki="ja", model=model))
        return any("English vocabulary" in caveat for caveat in found.caveats)

    assert warned(None)
    assert not warned("intfloat/multilingual-e5-small")


def test_what_is_not_measured_is_said_last():
    for question in (FIFTY_A10G, Question(wiki="sample"), Question(engine="cpu", containers=3)):
        assert predict(question).caveats[-1].startswith("Not measured: ")


def test_an_estimate_is_of_what_run_does_by_default():
    chunking, raw = ChunkedVolumeConfig(), RawWikipediaConfig()
    english, usual = Question(engine="cuda"), EmbeddingsConfig().fleet()
    assert english.token_budget == chunking.token_budget
    assert english.title_prefix == chunking.title_prefix
    assert english.gpu_type == usual.gpu
    assert english.most_containers == usual.containers
    assert english.inputs_per_container == usual.inputs_per_container
    assert english.model_name == ENGLISH_MODEL
    assert Question(wiki="sample").model_name == SAMPLE_MODEL
    for wiki in ("en", "sample"):
        assert Question(wiki=wiki).shard_bytes == raw.shard_bytes(wiki)


def test_machines_get_the_same_in_seconds_bytes_and_dollars():
    found = predict(FIFTY_A10G)
    told = json.loads(report.as_json(found))
    assert told["total"]["wall_s"] == pytest.approx(sum(a["wall_s"] for a in told["assets"]))
    assert told["total"]["gpu_hours"] == pytest.approx(found.gpu_s / 3600)
    assert told["workload"]["shards"] == len(found.workload.shards)
    assert {figure["basis"] for figure in told["figures"]} >= {"measured", "published", "assumed"}


@pytest.mark.parametrize(
    ("label", "question"),
    [
        ("50 A10G", FIFTY_A10G),
        ("8 H100", Question(gpu="H100", containers=8, cpu_containers=50)),
        ("1 H200", Question(gpu="H200", containers=1, cpu_containers=50)),
        ("Text Embeddings Inference at its published rate, 50 A10G", Question(engine="tei")),
    ],
)
def test_the_page_on_performance_says_what_the_command_says(label, question):
    found = predict(question)
    times = f"{duration(embeddings_of(question).wall_s)} | {duration(found.wall_s)}"
    row = f"| {label} | {times} | {found.gpu_s / 3600:.2f} | {found.dollars:.2f} |"
    assert row in (REPOSITORY / "docs" / "performance.md").read_text().splitlines()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"wiki": "xx"}, "The size of 'xx' is not known here, only of sample, en, simple"),
        ({"wiki": "xx", "characters": 1e6}, "Give it with --characters and --articles"),
        ({"characters": -1.0}, "--characters is -1"),
        ({"fraction": 0.0}, "--fraction is 0: choose one above 0"),
        ({"containers": 0}, "--containers is 0"),
        ({"cpu_containers": 1001}, "--cpu-containers is 1001"),
        ({"cores": 0}, "--cores is 0"),
        ({"gpu": "K80"}, "Modal has no GPU 'K80'"),
        ({"gpu": "A10G", "engine": "cpu"}, "The engine cpu does not use the A10G"),
        ({"utilization": 0.3}, "--utilization is of a GPU"),
        ({"gpu": "L4", "utilization": 0.3, "tokens_per_s": 1e5}, "give one of them"),
        ({"gpu": "L4", "utilization": 1.5}, "--utilization is 1.5"),
        ({"tokens_per_s": 0.0}, "--tokens-per-second is 0"),
        ({"token_budget": 8}, "--token-budget is 8"),
        ({"token_budget": 1000}, "bge-small-en-v1.5 reads at most 512"),
        ({"model": "nobody/knows"}, "The shape of nobody/knows is not known here"),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_a_sentence(options, sentence):
    with pytest.raises(BadInputError) as refused:
        predict(Question(**options))
    assert sentence in str(refused.value)
