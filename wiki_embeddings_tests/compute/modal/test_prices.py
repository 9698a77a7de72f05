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
    chosen = {EmbeddingsConfig(gpu=gpu).fleet().gpu for gpu in Gpu}
    assert chosen == set(GPU_SECOND)


def test_a_machine_costs_what_its_gpu_cores_and_memory_cost():
    machine = ContainerSize(cores=4, memory_mib=16384, gpu="A10G")
    hourly = 1.1016 + 4 * 0.04716 + 16 * 0.007992  # as Modal's page lists them by the hour
    assert machine.dollars_per_s * 3600 == pytest.approx(hourly)
    assert ContainerSize(cores=2, memory_mib=512).dollars_per_s == pytest.approx(
        2 * 0.0000131 + 0.5 * 0.00000222
    )


def test_the_containers_of_the_app_have_a_price():
    machines = [value for value in vars(deployment).values() if isinstance(value, ContainerSize)]
    assert len(machines) > 3
    assert all(0 < machine.dollars_per_s < 0.001 for machine in machines)


def test_the_table_says_of_when_it_is():
    assert date(2026, 1, 1) < date.fromisoformat(PRICES_AS_OF) <= date.today()  # noqa: DTZ011


def test_the_page_on_modal_has_the_prices_of_this_table():
    page = (REPOSITORY / "docs" / "modal.md").read_text()
    assert f"as of {PRICES_AS_OF}" in page
    machines = [
        deployment.FETCHING,
        deployment.CUTTING,
        deployment.PUBLISHING,
        deployment.EMBEDDING_CPU,
    ]
    machines += [replace(deployment.EMBEDDING, gpu=gpu) for gpu in GPU_SECOND]
    rows = [line.split("|") for line in page.splitlines() if re.search(r"\d\.\d{3} \|$", line)]
    assert [[cell.strip() for cell in row[2:6]] for row in rows] == [
        [
            machine.gpu,
            f"{machine.cores:g}",
            f"{machine.memory_mib / 1024:g}",
            f"{machine.dollars_per_s * 3600:.3f}",
        ]
        for machine in machines
    ]
    fifty_for_a_minute = 50 * 60 * deployment.EMBEDDING.dollars_per_s
    assert f"Fifty A10G cost ${fifty_for_a_minute:.2f} a minute" in page
    article_s = 885.24 * 100
    assert f"{article_s:,.0f} GPU-seconds, ${article_s * GPU_SECOND['A10G']:.2f} for" in page
    assert f"${article_s * deployment.EMBEDDING.dollars_per_s:.2f} with the cores" in page
