"""Estimates come close to what was measured and published; pure arithmetic, so no clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.prices import GPU_SECOND
from wiki_embeddings.defs.config import (
    ChunkedVolumeConfig,
    EmbeddingsConfig,
    RawWikipediaConfig,
)
from wiki_embeddings.encoders.models.known import (
    DEFAULT_MODEL,
    KNOWN_MODELS,
    MODEL_SHAPES,
    ModelShape,
)
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate import (
    HALF_PRECISION_TFLOPS,
    Estimate,
    RunOptions,
    flops_per_token,
    predict,
)
from wiki_embeddings.estimate.encoding import find_shape
from wiki_embeddings.estimate.figures import IDLE_S, Figure
from wiki_embeddings.host import duration
from wiki_embeddings_tests.compute.modal.cloud import REPOSITORY
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

FIFTY_A10 = RunOptions(gpu="A10", containers=50)


def embeddings(options: RunOptions):
    return next(asset for asset in predict(options).assets if asset.asset == "embeddings")


def encoder_rate(estimate: Estimate) -> Figure:
    (rate,) = (figure for figure in estimate.figures if figure.unit.startswith("tokens/s"))
    return rate


# ---- Compared with what was measured and published.


def test_the_sample_on_two_cores_takes_as_long_as_measured():
    measured_s = 67.0  # embeddings, `make demo` of 2026-11-23; not the run that gave the rate
    estimate = predict(RunOptions(wiki="sample"))
    assert embeddings(RunOptions(wiki="sample")).wall_s == pytest.approx(measured_s, rel=0.1)
    assert all(asset.basis == "measured" for asset in estimate.assets)
    assert estimate.total("dollars") == estimate.total("gpu_s") == 0


def test_the_sample_counts_as_its_run_counted():
    estimate = predict(RunOptions(wiki="sample"))
    work = estimate.workload
    assert work.articles == 106
    assert work.characters == 2_936_476
    assert work.text_bytes == pytest.approx(2_943_938)
    assert work.chunks == pytest.approx(3008, rel=0.005)
    assert work.encoded_tokens == pytest.approx(629_531, rel=0.005)
    assert work.attended == pytest.approx(215, rel=0.02)
    assert work.parts == 4
    assert len(work.shards) == 16, "estimated from their mean size; the sample has 12"
    stored = {
        "raw_wikipedia": 1_249_030,
        "chunked_volume": 2_429_802,
        "embeddings": 3_443_302,
        "hub_dataset": 3_630_747,
    }
    assert {asset.asset: asset.stored_bytes for asset in estimate.assets} == pytest.approx(
        stored, rel=0.03
    )


def test_the_published_run_is_reproduced():
    lost = 1 - 21_734_383 * 885.24 / 19_560_538_957  # of its characters were skipped
    options = replace(FIFTY_A10, engine="tei", containers=100)
    asset = embeddings(options)
    computing_s = asset.wall_s - asset.start_s - asset.tail_s - 30
    assert computing_s * (1 - lost) == pytest.approx(885.24, rel=0.001)
    assert asset.wall_s == pytest.approx(885.24, rel=0.15), "with start, tail and checks"
    assert encoder_rate(predict(options)).basis == "published"


def test_fifty_a10_of_the_published_run_take_half_an_hour():
    asset = embeddings(replace(FIFTY_A10, engine="tei"))
    assert asset.wall_s == pytest.approx(30 * 60, rel=0.1)


def test_english_wikipedia_has_about_the_tokens_that_the_project_plans_for():
    assert predict(FIFTY_A10).workload.encoded_tokens == pytest.approx(4.4e9, rel=0.06)


# ---- What a token costs.


def test_a_token_of_bge_small_costs_46_megaflop():
    shape = MODEL_SHAPES["BAAI/bge-small-en-v1.5"]
    assert flops_per_token(shape, 176) == pytest.approx(45.7e6, rel=1e-3)


def test_weights_count_once_and_attention_grows_with_the_length():
    shape = MODEL_SHAPES["sentence-transformers/all-MiniLM-L6-v2"]
    assert flops_per_token(shape, 0) == 2 * 10_616_832
    assert flops_per_token(shape, 225) - flops_per_token(shape, 0) == 6 * 4 * 384 * 225


def test_the_rate_of_a_gpu_is_proportional_to_its_utilization():
    default = encoder_rate(predict(FIFTY_A10))
    doubled = encoder_rate(predict(replace(FIFTY_A10, utilization=0.5)))
    assert doubled.value == pytest.approx(2 * default.value)
    assert default.value == pytest.approx(70e12 * 0.25 / 46.1e6, rel=0.01)
    assert default.basis == doubled.basis == "predicted"
    assert "assumed" in default.source
    assert "given" in doubled.source


@pytest.mark.parametrize(
    ("gpu", "model", "tokens_per_s", "basis"),
    [
        ("H100", "BAAI/bge-small-en-v1.5", 7.2e6, "measured"),
        ("H100", "sentence-transformers/all-MiniLM-L6-v2", 13.2e6, "measured"),
        ("H100", "BAAI/bge-base-en-v1.5", 2.67e6, "measured"),
        ("H200", "BAAI/bge-small-en-v1.5", 7.2e6, "predicted"),
    ],
)
def test_the_rate_of_an_h100_is_the_measured_one(gpu, model, tokens_per_s, basis):
    rate = encoder_rate(predict(RunOptions(gpu=gpu, model=model)))
    assert rate.value == pytest.approx(tokens_per_s, rel=0.02)
    assert rate.basis == basis


def test_another_shape_on_an_h100_is_predicted_from_the_nearest_measured_one(tmp_path):
    folder = str(write_tiny_model(tmp_path / "tiny"))
    rate = encoder_rate(predict(RunOptions(gpu="H100", model=folder, token_budget=32)))
    assert rate.basis == "predicted"
    assert "31% (measured)" in rate.source


def test_every_gpu_with_a_price_has_a_rate():
    assert set(HALF_PRECISION_TFLOPS) == set(GPU_SECOND)


def test_every_known_model_has_a_shape():
    assert set(KNOWN_MODELS) <= set(MODEL_SHAPES)


def test_the_shape_of_the_bundled_model_is_that_of_its_files():
    model = resolve(DEFAULT_MODEL)
    bert = model.require_bert()
    sizes = (bert.layers, bert.hidden_size, bert.intermediate_size)
    assert MODEL_SHAPES[DEFAULT_MODEL] == ModelShape(*sizes, max_length=model.max_length)


def test_the_shape_of_a_folder_is_read_from_its_files(tmp_path):
    folder = write_tiny_model(tmp_path / "tiny")
    assert find_shape(str(folder)).layers == resolve(folder).require_bert().layers
    assert predict(RunOptions(model=str(folder), token_budget=32)).total("wall_s") > 0


# ---- What it costs, and what it rests on.


def test_more_containers_take_less_time():
    walls = [
        embeddings(replace(FIFTY_A10, containers=number)).wall_s
        for number in (1, 2, 5, 10, 50, 200)
    ]
    assert all(slower > faster for slower, faster in pairwise(walls))


def test_an_asset_costs_the_seconds_of_its_containers_and_the_minute_they_are_kept():
    asset = embeddings(FIFTY_A10)
    a10 = replace(deployment.EMBED_CONTAINER, gpu="A10")
    assert asset.dollars == pytest.approx(asset.container_s * a10.dollars_per_s)
    assert asset.gpu_s == asset.container_s
    least = 50 * (asset.wall_s - 30 - asset.tail_s + IDLE_S)
    most = 50 * (asset.wall_s - 30 + IDLE_S)
    assert least - 1e-6 <= asset.container_s <= most
    raw, chunks, _, hub = predict(FIFTY_A10).assets
    assert raw.gpu_s == chunks.gpu_s == hub.gpu_s == 0


def test_a_given_rate_changes_only_the_embeddings():
    default = predict(FIFTY_A10)
    given = predict(replace(FIFTY_A10, tokens_per_s=1e6))
    for before, after in zip(default.assets, given.assets, strict=True):
        assert (before == after) == (before.asset != "embeddings")
    assert encoder_rate(given).basis == "given"
    tokens = given.workload.encoded_tokens
    assert embeddings(given.options).wall_s > 45 + tokens / 50e6


def test_what_was_measured_here_only_predicts_other_machines():
    by_asset = {asset.asset: asset.basis for asset in predict(FIFTY_A10).assets}
    assert by_asset["raw_wikipedia"] == "assumed"
    assert by_asset["chunked_volume"] == by_asset["embeddings"] == "predicted"
    assert embeddings(RunOptions(wiki="simple", cores=16)).basis == "predicted"


def test_assets_without_a_gpu_may_have_another_number_of_containers():
    alone = predict(RunOptions(gpu="H200", containers=1))
    helped = predict(RunOptions(gpu="H200", containers=1, cpu_containers=50))
    assert helped.total("wall_s") < alone.total("wall_s") / 3
    assert embeddings(alone.options) == embeddings(helped.options)
    assert any("--cpu-containers" in caveat for caveat in alone.caveats)
    assert not any("--cpu-containers" in caveat for caveat in helped.caveats)


@pytest.mark.parametrize(("model", "has_caveat"), [(None, False), ("BAAI/bge-small-en-v1.5", True)])
def test_an_english_vocabulary_for_another_script_is_a_caveat(model, has_caveat):
    caveats = predict(RunOptions(wiki="ja", model=model, allow_english_model=True)).caveats
    assert any("English vocabulary" in caveat for caveat in caveats) == has_caveat


@pytest.mark.parametrize(
    "options", [FIFTY_A10, RunOptions(wiki="sample"), RunOptions(engine="cpu", containers=3)]
)
def test_the_last_caveat_lists_what_was_not_measured(options):
    assert predict(options).caveats[-1].startswith("Not measured: ")


def test_the_defaults_are_those_of_run():
    chunking, raw = ChunkedVolumeConfig(), RawWikipediaConfig()
    english, fleet = RunOptions(engine="cuda"), EmbeddingsConfig().container_options()
    assert english.token_budget == chunking.token_budget
    assert english.title_prefix == chunking.title_prefix
    assert english.gpu_type == fleet.gpu
    assert english.max_containers == fleet.containers
    assert english.shards_in_hand == fleet.inputs_per_container
    for wiki in ("en", "sample", "simple", "de", "zh-min-nan"):
        assert RunOptions(wiki=wiki).model_name == chunking.model_for(wiki)
        assert RunOptions(wiki=wiki).shard_articles == raw.shard_articles(wiki)


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("50 A10", FIFTY_A10),
        ("8 H100", RunOptions(gpu="H100", containers=8, cpu_containers=50)),
        ("1 H100", RunOptions(gpu="H100", containers=1, cpu_containers=50)),
        ("Text Embeddings Inference at its published rate, 50 A10", RunOptions(engine="tei")),
    ],
)
def test_the_table_in_the_documentation_is_what_the_command_prints(label, options):
    estimate = predict(options)
    times = f"{duration(embeddings(options).wall_s)} | {duration(estimate.total('wall_s'))}"
    cost = f"{estimate.total('gpu_s') / 3600:.2f} | {estimate.total('dollars'):.2f}"
    page = (REPOSITORY / "docs" / "performance.md").read_text()
    assert f"| {label} | {times} | {cost} |" in page.splitlines()


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
        ({"gpu": "K80"}, "speed of Modal's GPU 'K80' is not known here"),
        ({"gpu": "A10", "engine": "cpu"}, "The engine cpu does not use the A10"),
        ({"utilization": 0.3}, "choose one with --gpu"),
        ({"gpu": "L4", "utilization": 0.3, "tokens_per_s": 1e5}, "not both"),
        ({"gpu": "L4", "utilization": 1.5}, "--utilization is 1.5"),
        ({"tokens_per_s": 0.0}, "--tokens-per-second is 0"),
        ({"token_budget": 8}, "--token-budget is 8"),
        ({"token_budget": 1000}, "bge-small-en-v1.5 reads at most 512"),
        ({"model": "nobody/knows"}, "The shape of nobody/knows is not known"),
    ],
)
def test_what_cannot_be_estimated_is_refused(options, sentence):
    with pytest.raises(BadInputError) as refused:
        predict(RunOptions(**options))
    assert sentence in str(refused.value)
