from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.compute.protocol import ContainerOptions
from wiki_embeddings.defs import asset_run
from wiki_embeddings.errors import BadInputError

MODAL, LOCAL = SimpleNamespace(folder=None), SimpleNamespace(folder="/volume")


@pytest.fixture
def ask(monkeypatch, caplog):
    """Returns what a run on some compute is warned of, for a GPU and a limit in dollars."""

    def warnings(compute, gpu, max_dollars=0.0):
        monkeypatch.setattr(asset_run, "config_of", lambda *_: {"max_dollars": max_dollars})
        context: Any = SimpleNamespace(
            asset_key=dg.AssetKey("embeddings"), log=logging.getLogger("of the run")
        )
        caplog.clear()
        asset_run._require_known_price(context, compute, ContainerOptions(gpu=gpu))
        return caplog.messages

    return warnings


def test_a_gpu_without_a_price_is_passed_on_with_a_warning(ask):
    (warning,) = ask(MODAL, "B9000")
    assert "'B9000' is not in this project's table of prices: Modal is asked for it" in warning


def test_its_cost_could_not_be_limited_so_a_limit_is_refused(ask):
    with pytest.raises(BadInputError, match="the limit could not be kept"):
        ask(MODAL, "B9000", max_dollars=2.0)


def test_a_gpu_with_a_price_needs_no_warning_nor_does_this_machine(ask):
    assert ask(MODAL, "H100", max_dollars=2.0) == []
    assert ask(LOCAL, "B9000") == []
