from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.defs.alerts import AlertError, alert_sensors
from wiki_embeddings.settings import alerts
from wiki_embeddings_tests.support.mail_server import MailServer, mail_server

SECRET = "T0/B0/quite-secret"


@dg.op
def embed() -> None:
    raise dg.Failure(description="2 of 12 shards failed: „München“ is damaged.")


@dg.job
def broken() -> None:
    embed()


@dg.asset
def articles() -> None:
    pass


@dg.asset_check(asset=articles)
def snapshot_is_recent() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="de: a refresh was missed.")


class Slack(ThreadingHTTPServer):
    """Takes what is posted to a webhook; answers with a status of one's choice."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Webhook)
        self.texts: list[str] = []
        self.status = 200

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/services/{SECRET}"


class _Webhook(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.texts.append(json.loads(body)["text"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def variables(slack: Slack, mail: MailServer, **more: str) -> dict[str, str]:
    return {
        "WIKI_EMBEDDINGS_ALERT_SLACK_WEBHOOK": slack.webhook,
        "WIKI_EMBEDDINGS_ALERT_EMAIL": "ops@example.org, ada@example.org",
        "WIKI_EMBEDDINGS_ALERT_SMTP": f"smtp://127.0.0.1:{mail.port}",
        "WIKI_EMBEDDINGS_UI_URL": "https://dagster.example.org/",
        **more,
    }


def sensors(environment: dict[str, str]) -> dict[str, dg.SensorDefinition]:
    return {sensor.name: sensor for sensor in alert_sensors(alerts(environment))}


def tell_of_failed_run(environment: dict[str, str]) -> str:
    """Evaluate the sensor for a run that failed; returns the id of the run."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = broken.execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"dagster/partition": "de", "dagster/will_retry": "true"},
        )
        sensor: Any = sensors(environment)["alert_of_failed_runs"]
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        )
        sensor(context.for_run_failure())
        return result.run_id


def test_slack_and_mail_are_told_of_a_failed_run_its_cause_and_its_page(slack, mail):
    run_id = tell_of_failed_run(variables(slack, mail))
    lines = [
        "embed: 2 of 12 shards failed: „München“ is damaged.",
        "Dagster starts it again; what is finished is kept.",
        f"https://dagster.example.org/runs/{run_id}",
    ]
    assert slack.texts == ["\n".join(["*broken of de failed*", *lines])]
    (message,) = mail.messages
    assert message["Subject"] == "[wiki-embeddings] broken of de failed"
    assert message["To"] == "ops@example.org, ada@example.org"
    assert message.get_content().splitlines() == lines


def test_a_check_that_failed_in_a_run_that_went_through_is_told(slack, mail):
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([articles, snapshot_is_recent], instance=instance)
        assert result.success
        sensor: Any = sensors(variables(slack, mail))["alert_of_failed_checks"]
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=result.get_run_success_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        )
        sensor(context)
    assert "articles: snapshot_is_recent: de: a refresh was missed." in slack.texts[0]
    assert len(mail.messages) == 1


def test_a_channel_that_fails_does_not_keep_the_other_and_is_named_without_its_secret(slack, mail):
    slack.status = 500
    with pytest.raises(AlertError, match="Slack: HTTP 500") as raised:
        tell_of_failed_run(variables(slack, mail))
    assert SECRET not in str(raised.value)
    assert len(mail.messages) == 1


def test_a_password_is_never_sent_to_a_server_that_cannot_encrypt(slack, mail):
    server = f"smtp://ada%40example.org:p%40ss@127.0.0.1:{mail.port}"
    with pytest.raises(AlertError, match="STARTTLS"):
        tell_of_failed_run(variables(slack, mail, WIKI_EMBEDDINGS_ALERT_SMTP=server))
    assert not any(command.upper().startswith("AUTH") for command in mail.commands)
    assert len(slack.texts) == 1


def test_the_sensors_exist_only_where_somebody_is_named_and_show_no_secret(slack, mail):
    assert not sensors({})
    assert not sensors({"WIKI_EMBEDDINGS_UI_URL": "https://dagster.example.org"})
    for sensor in sensors(variables(slack, mail)).values():
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert "Slack and mail to ops@example.org, ada@example.org" in str(sensor.description)
        assert SECRET not in str(sensor.description)
