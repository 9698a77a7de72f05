from __future__ import annotations

from pathlib import Path

import pytest

from wiki_embeddings import settings
from wiki_embeddings.errors import BadInputError


def test_without_variables_everything_is_local_and_in_the_project():
    known = settings.load({})
    assert known.compute == "local"
    assert known.wikis == ("sample",)
    assert known.home == Path(settings.__file__).resolve().parents[1] / ".wiki_embeddings"


def test_home_may_be_anywhere_and_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = settings.load({"WIKI_EMBEDDINGS_HOME": "here"})
    assert known.home == tmp_path / "here"
    assert known.volume == tmp_path / "here" / "volume"


def test_a_dagster_home_may_be_anywhere_and_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))

    def dagster_home(**variables: str) -> Path:
        return settings.load({"WIKI_EMBEDDINGS_HOME": "here", **variables}).dagster_home

    assert dagster_home() == dagster_home(DAGSTER_HOME="") == tmp_path / "here" / "dagster"
    assert dagster_home(DAGSTER_HOME="mine") == tmp_path / "mine"
    assert dagster_home(DAGSTER_HOME="~/mine") == tmp_path / "user" / "mine"


def test_a_home_may_hold_what_only_its_dagster_home_must_not(tmp_path):
    variables = {"WIKI_EMBEDDINGS_HOME": f"{tmp_path}/a?b", "DAGSTER_HOME": f"{tmp_path}/plain"}
    assert settings.load(variables).home == tmp_path / "a?b"
    with pytest.raises(BadInputError, match="Set DAGSTER_HOME"):
        settings.load({**variables, "DAGSTER_HOME": f"{tmp_path}/c?d"})


def test_wikis_are_listed_once_in_the_given_order():
    known = settings.load({"WIKI_EMBEDDINGS_WIKIS": " sample, de ,zh-min-nan,de"})
    assert known.wikis == ("sample", "de", "zh-min-nan")


@pytest.mark.parametrize("wikis", ["../etc", "sample,a/b", " , ", "zh_min", "日本"])
def test_a_name_that_is_no_language_code_is_refused(wikis):
    with pytest.raises(BadInputError, match="WIKI_EMBEDDINGS_WIKIS"):
        settings.load({"WIKI_EMBEDDINGS_WIKIS": wikis})


def test_a_namespace_is_refused_before_anything_is_made():
    assert settings.load({"WIKI_EMBEDDINGS_HUB_NAMESPACE": "me"}).hub_namespace == "me"
    with pytest.raises(BadInputError, match="WIKI_EMBEDDINGS_HUB_NAMESPACE is 'me/mine'"):
        settings.load({"WIKI_EMBEDDINGS_HUB_NAMESPACE": "me/mine"})


def test_an_unknown_compute_is_refused():
    with pytest.raises(BadInputError, match="WIKI_EMBEDDINGS_COMPUTE is 'cluster'"):
        settings.load({"WIKI_EMBEDDINGS_COMPUTE": "cluster"})


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1.5", "٥"])
def test_an_age_that_is_no_number_of_days_is_refused(days):
    with pytest.raises(BadInputError, match="WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS"):
        settings.load({"WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS": days})


def test_an_age_is_a_number_of_days():
    known = settings.load({"WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS": "060"})
    assert known.max_snapshot_age_days == 60
    assert settings.load({}).max_snapshot_age_days == 55


def test_nobody_is_told_of_failures_by_default():
    assert not settings.alerts({}).anyone
    assert not settings.alerts({"WIKI_EMBEDDINGS_ALERT_SMTP": "smtp://localhost"}).anyone


@pytest.mark.parametrize(
    ("address", "host", "port", "encrypted"),
    [
        ("smtps://ada%40x.org:p%2Fw@smtp.x.org", "smtp.x.org", 465, True),
        ("smtp://ada%40x.org:p%2Fw@smtp.x.org", "smtp.x.org", 587, False),
        ("smtp://ada%40x.org:p%2Fw@smtp.x.org:25", "smtp.x.org", 25, False),
    ],
)
def test_a_server_of_mail_is_an_address_with_a_login(address, host, port, encrypted):
    told = settings.alerts(
        {"WIKI_EMBEDDINGS_ALERT_EMAIL": "a@x.org,b@x.org", "WIKI_EMBEDDINGS_ALERT_SMTP": address}
    )
    assert told.recipients == ("a@x.org", "b@x.org")
    assert told.mail_server == settings.MailServer(host, port, encrypted, "ada@x.org", "p/w")
    assert "p/w" not in repr(told)


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("WIKI_EMBEDDINGS_ALERT_SLACK_WEBHOOK", "hooks.slack.com/secret", False),
        ("WIKI_EMBEDDINGS_ALERT_SLACK_WEBHOOK", "file:///secret", False),
        ("WIKI_EMBEDDINGS_ALERT_EMAIL", "a@x.org\nBcc: secret@x.org", True),
        ("WIKI_EMBEDDINGS_ALERT_EMAIL", "secret", True),
        ("WIKI_EMBEDDINGS_ALERT_SMTP", "https://secret@x.org", False),
        ("WIKI_EMBEDDINGS_ALERT_SMTP", "smtp://secret@x.org:port", False),
        ("WIKI_EMBEDDINGS_ALERT_SMTP", "", False),
        ("WIKI_EMBEDDINGS_UI_URL", "dagster.x.org/secret", False),
    ],
)
def test_an_alert_that_could_not_be_sent_is_refused_at_the_start(variable, value, shown):
    valid = {
        "WIKI_EMBEDDINGS_ALERT_EMAIL": "a@x.org",
        "WIKI_EMBEDDINGS_ALERT_SMTP": "smtp://localhost",
    }
    with pytest.raises(BadInputError, match=variable) as refused:
        settings.alerts({**valid, variable: value})
    assert ("secret" in str(refused.value)) is shown
