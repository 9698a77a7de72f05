from __future__ import annotations

import pytest

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing.account import HubAccount, account_of_token
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
        ("hf_nobody", HubAccount("", refusal="not accepted by the Hub")),
        ("", HubAccount("", refusal="empty")),
    ],
)
def test_a_token_is_told_by_its_owner_and_by_where_it_may_write(monkeypatch, token, account):
    monkeypatch.setenv("HF_TOKEN", token)
    assert account_of_token() == account


@pytest.mark.parametrize("token", ["hf_…", "hf_a\tb"])
def test_what_cannot_be_a_token_is_not_sent(hub, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    assert account_of_token().refusal.startswith("not a token")
    assert not hub.served


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_hub_that_does_not_answer_is_no_verdict_on_the_token(hub, monkeypatch, status):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.fail("whoami", status)
    with pytest.raises(WikiEmbeddingsError, match=f"answers with status {status}") as raised:
        account_of_token()
    assert TOKEN not in str(raised.value)


@pytest.mark.usefixtures("hub")
def test_a_hub_that_cannot_be_reached_is_no_verdict_on_the_token(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WikiEmbeddingsError, match="fails") as raised:
        account_of_token()
    assert TOKEN not in str(raised.value)
