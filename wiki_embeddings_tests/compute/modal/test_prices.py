from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import dagster as dg
import pytest

from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.prices import (
    GPU_SECOND,
    PRICES_AS_OF,
    ContainerSize,
    gpu_dollars_per_s,
)
from wiki_embeddings.defs.config import EmbeddingsConfig
from wiki_embeddings_tests.compute.modal.cloud import REPOSITORY


def price(size: ContainerSize) -> float:
    """Dollars per second of a container."""
    dollars = size.dollars_per_s
    assert dollars is not None
    return dollars


@pytest.mark.parametrize(
    ("stored", "gpu"),
    [
        ("A10G", "A10"),
        ("A100_40GB", "A100-40GB"),
        ("rtx-pro-6000", "RTX-PRO-6000"),
        ("B300", "B300"),
    ],
)
def test_config_stored_under_an_old_name_stays_valid_and_a_new_type_is_passed_on(stored, gpu):
    assert EmbeddingsConfig(gpu=stored).container_options().gpu == gpu


def test_several_gpus_in_a_container_are_refused():
    with pytest.raises(dg.Failure, match="each container uses one: ask for H100 and more"):
        EmbeddingsConfig(gpu="H100:8")


@pytest.mark.parametrize(("name", "priced_as"), [("A100", "A100-40GB"), ("B200+", "B200")])
def test_a_name_that_leaves_a_choice_to_modal_has_a_price(name, priced_as):
    assert gpu_dollars_per_s(name) == GPU_SECOND[priced_as]


def test_the_price_of_an_unknown_gpu_is_not_guessed():
    assert ContainerSize(cores=4, memory_mib=16384, gpu="B300").dollars_per_s is None


def test_a_container_costs_the_sum_of_its_gpu_cores_and_memory():
    size = ContainerSize(cores=4, memory_mib=16384, gpu="A10")
    hourly = 1.1016 + 4 * 0.04716 + 16 * 0.007992  # as Modal's page lists them by the hour
    assert price(size) * 3600 == pytest.approx(hourly)
    assert price(ContainerSize(cores=2, memory_mib=512)) == pytest.approx(
        2 * 0.0000131 + 0.5 * 0.00000222
    )


def test_every_container_size_of_the_app_has_a_price():
    sizes = [value for value in vars(deployment).values() if isinstance(value, ContainerSize)]
    assert len(sizes) > 3
    assert all(0 < price(size) < 0.001 for size in sizes)


def test_the_table_has_a_date_in_the_past():
    assert date(2026, 1, 1) < date.fromisoformat(PRICES_AS_OF) <= date.today()  # noqa: DTZ011


def test_docs_modal_md_lists_the_prices_of_this_table():
    page = (REPOSITORY / "docs" / "modal.md").read_text()
    assert f"as of {PRICES_AS_OF}" in page
    sizes = [
        deployment.EXPORT_CONTAINER,
        deployment.FETCH_CONTAINER,
        deployment.CHUNK_CONTAINER,
        deployment.DATASET_CONTAINER,
        deployment.EMBED_CPU_CONTAINER,
    ]
    sizes += [replace(deployment.EMBED_CONTAINER, gpu=gpu) for gpu in GPU_SECOND]
    rows = [line.split("|") for line in page.splitlines() if re.search(r"\d\.\d{3} \|$", line)]
    assert [[cell.strip() for cell in row[2:6]] for row in rows] == [
        [
            size.gpu,
            f"{size.cores:g}",
            f"{size.memory_mib / 1024:g}",
            f"{price(size) * 3600:.3f}",
        ]
        for size in sizes
    ]
    fifty_for_a_minute = 50 * 60 * price(deployment.EMBED_CONTAINER)
    assert f"Fifty A10 cost ${fifty_for_a_minute:.2f} a minute" in page
    article_s = 885.24 * 100
    assert f"{article_s:,.0f} GPU-seconds, ${article_s * GPU_SECOND['A10']:.2f} for" in page
    assert f"${article_s * price(deployment.EMBED_CONTAINER):.2f} with the cores" in page
