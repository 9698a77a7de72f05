from __future__ import annotations

import pytest

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing.account import HubAccount, look_up_account
from wiki_embeddings_tests.standins.hub import FINE_GRAINED_TOKEN, TOKEN, WRITE_TOKEN


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("token", "account"),
    [
        (TOKEN, HubAccount("ada", "read")),
        (
            WRITE_TOKEN,
            HubAccount("cantor", "write", ("cantor", "set-theory", "halle", "crelle")),
        ),
        (
            FINE_GRAINED_TOKEN,
            HubAccount("dedekind", "fineGrained", ("cuts", "gauss/letters")),
        ),
        ("hf_nobody", HubAccount("", problem="not accepted by the Hub")),
        ("", HubAccount("", problem="empty")),
        (" ", HubAccount("", problem="empty")),
    ],
)
def test_the_account_has_the_owner_and_the_write_scopes_of_the_token(monkeypatch, token, account):
    monkeypatch.setenv("HF_TOKEN", token)
    assert look_up_account() == account


@pytest.mark.parametrize("token", ["hf_…", "hf_a\tb"])
def test_an_impossible_token_is_not_sent(hub, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    assert look_up_account().problem.startswith("not a token")
    assert not hub.served


@pytest.mark.parametrize(
    ("status", "advice"),
    [(404, "Check HF_ENDPOINT"), (429, "Ask again later"), (503, "Ask again later")],
)
def test_an_error_of_the_hub_is_not_blamed_on_the_token(hub, monkeypatch, status, advice):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.fail("whoami", status)
    with pytest.raises(
        WikiEmbeddingsError, match=f"answers with status {status}. {advice}"
    ) as caught:
        look_up_account()
    assert TOKEN not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_an_unreachable_hub_is_not_blamed_on_the_token(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WikiEmbeddingsError, match="fails") as caught:
        look_up_account()
    assert TOKEN not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_a_missing_token_is_not_called_empty(monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert look_up_account() == HubAccount("", problem="missing")
