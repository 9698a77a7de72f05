from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.prices import GPU_SECOND, PRICES_AS_OF, ContainerSize
from wiki_embeddings.defs.config import EmbeddingsConfig, Gpu
from wiki_embeddings_tests.compute.modal.cloud import REPOSITORY


def test_every_gpu_that_can_be_chosen_has_a_price():
    chosen = {EmbeddingsConfig(gpu=gpu).container_options().gpu for gpu in Gpu}
    assert chosen == set(GPU_SECOND)


def test_a_container_costs_the_sum_of_its_gpu_cores_and_memory():
    size = ContainerSize(cores=4, memory_mib=16384, gpu="A10G")
    hourly = 1.1016 + 4 * 0.04716 + 16 * 0.007992  # as Modal's page lists them by the hour
    assert size.dollars_per_s * 3600 == pytest.approx(hourly)
    assert ContainerSize(cores=2, memory_mib=512).dollars_per_s == pytest.approx(
        2 * 0.0000131 + 0.5 * 0.00000222
    )


def test_every_container_size_of_the_app_has_a_price():
    sizes = [value for value in vars(deployment).values() if isinstance(value, ContainerSize)]
    assert len(sizes) > 3
    assert all(0 < size.dollars_per_s < 0.001 for size in sizes)


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
            f"{size.dollars_per_s * 3600:.3f}",
        ]
        for size in sizes
    ]
    fifty_for_a_minute = 50 * 60 * deployment.EMBED_CONTAINER.dollars_per_s
    assert f"Fifty A10G cost ${fifty_for_a_minute:.2f} a minute" in page
    article_s = 885.24 * 100
    assert f"{article_s:,.0f} GPU-seconds, ${article_s * GPU_SECOND['A10G']:.2f} for" in page
    assert f"${article_s * deployment.EMBED_CONTAINER.dollars_per_s:.2f} with the cores" in page
