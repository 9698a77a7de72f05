"""The questions before a run, asked of the local control plane."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wiki_embeddings.cli import doctor
from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.compute.modal.deployment import DEPLOY, SECRET
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings_tests.compute.modal.cloud import APP_MODULE, REPOSITORY


@pytest.fixture(autouse=True)
def nothing_asked_yet() -> Iterator[None]:
    preflight._accepted.cache_clear()
    yield
    preflight._accepted.cache_clear()


def test_a_run_is_refused_at_the_first_thing_that_is_missing_until_it_is_mended(modal_plane):
    secret = modal_plane.assets.secrets.pop(SECRET)
    with pytest.raises(BadInputError, match="modal secret create huggingface"):
        preflight.refuse_unready()
    modal_plane.assets.secrets[SECRET] = secret
    with pytest.raises(BadInputError, match=f"missing. Run `{DEPLOY}`"):
        preflight.refuse_unready()
    assert not modal_plane.containers

    modal_plane.deploy(APP_MODULE, cwd=REPOSITORY)
    preflight.refuse_unready()
    asked = len(modal_plane.requests)
    preflight.refuse_unready()
    assert len(modal_plane.requests) == asked, "once a process is enough"


def test_a_container_that_never_answers_is_not_waited_for_without_end(modal_plane, monkeypatch):
    modal_plane.deploy(APP_MODULE, cwd=REPOSITORY)
    modal_plane.faults.pause_scheduling()
    monkeypatch.setattr(preflight, "CONTAINER_START_S", 0.5)
    with pytest.raises(WikiEmbeddingsError, match=r"no answer within .* look at https://"):
        preflight.version()
    monkeypatch.setattr(doctor, "CONTAINER_START_S", 0.5)
    finding = doctor.hub_token(None)
    assert finding.found == "not known"
    assert "no answer within" in finding.remedy
    assert not modal_plane.stats.calls_in_progress(), "both questions were withdrawn"


def test_a_passing_fault_between_here_and_modal_is_not_taken_for_something_missing(modal_plane):
    modal_plane.faults.fail("SecretGetOrCreate", times=99)
    with pytest.raises(WikiEmbeddingsError, match="does not answer") as raised:
        preflight.secret()
    assert not isinstance(raised.value, BadInputError)
