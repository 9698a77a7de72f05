from __future__ import annotations

import os
import signal

import modal
import pytest

from wiki_embeddings.compute.modal.map_calls import stop_fetching_inputs


@pytest.fixture
def signals(monkeypatch):
    """The signals that are sent, none of which arrives."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *given: sent.append(given))
    return sent


def test_a_container_is_asked_to_stop_fetching_inputs(monkeypatch, signals):
    asked = []
    monkeypatch.setattr(modal.experimental, "stop_fetching_inputs", lambda: asked.append(True))
    stop_fetching_inputs()
    assert (asked, signals) == ([True], [])


def test_a_client_that_cannot_ask_ends_the_container_as_a_preemption_does(monkeypatch, signals):
    monkeypatch.delattr(modal.experimental, "stop_fetching_inputs")
    stop_fetching_inputs()
    assert signals == [(os.getpid(), signal.SIGTERM)]
