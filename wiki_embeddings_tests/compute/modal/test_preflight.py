"""The checks before a run, against the local control plane."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from wiki_embeddings.cli import doctor
from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.compute.modal.deployment import DEPLOY, SECRET
from wiki_embeddings.compute.modal.workspace import Workspace
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings_tests.compute.modal.cloud import APP_MODULE, REPOSITORY


@pytest.fixture(autouse=True)
def no_cached_checks() -> Iterator[None]:
    preflight._require_ready.cache_clear()
    yield
    preflight._require_ready.cache_clear()


def test_a_run_is_refused_until_everything_that_it_needs_exists(modal_plane):
    secret = modal_plane.assets.secrets.pop(SECRET)
    with pytest.raises(BadInputError, match="modal secret create huggingface"):
        preflight.require_ready()
    modal_plane.assets.secrets[SECRET] = secret
    with pytest.raises(BadInputError, match=f"missing. Run `{DEPLOY}`"):
        preflight.require_ready()
    assert not modal_plane.containers

    modal_plane.deploy(APP_MODULE, cwd=REPOSITORY)
    preflight.require_ready()
    requests = len(modal_plane.requests)
    preflight.require_ready()
    assert len(modal_plane.requests) == requests, "the checks run once per process"


def test_a_call_without_an_answer_is_cancelled_after_a_time_limit(modal_plane, monkeypatch):
    modal_plane.deploy(APP_MODULE, cwd=REPOSITORY)
    modal_plane.faults.pause_scheduling()
    monkeypatch.setattr(preflight, "CONTAINER_START_S", 0.5)
    for ask in (preflight.check_version, partial(doctor.check_hub_token, None)):
        with pytest.raises(WikiEmbeddingsError, match=r"no answer within .* look at https://"):
            ask(Workspace())
    assert not modal_plane.stats.calls_in_progress(), "both calls were cancelled"


def test_a_connection_error_is_not_mistaken_for_a_missing_secret(modal_plane):
    modal_plane.faults.fail("SecretGetOrCreate", times=99)
    with pytest.raises(WikiEmbeddingsError, match="does not answer") as raised:
        preflight.check_secret()
    assert not isinstance(raised.value, BadInputError)
