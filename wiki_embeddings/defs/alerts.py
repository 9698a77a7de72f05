"""Sensors that tell Slack, or send mail, when a run or a check has failed.

They exist only where `settings.alerts` names somebody to tell. Each looks at runs that have ended,
so no run waits for them, and one whose message could not be sent shows that as a failed tick.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from textwrap import shorten
from urllib.error import HTTPError

import dagster as dg

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.settings import AlertSettings, MailServer

_PARTITION_TAG = "dagster/partition"
_WILL_RETRY_TAG = "dagster/will_retry"

_WITHIN_S = 15.0
"""For each connection: a sensor has a minute for its tick."""

_LONGEST_CAUSE = 1000
"""Characters; the run's page has all of it."""


class AlertError(WikiEmbeddingsError):
    """An alert could not be delivered."""


def alert_sensors(known: AlertSettings) -> list[dg.SensorDefinition]:
    """Build the sensors; none if there is nobody to tell."""
    if not known.anyone:
        return []
    channels = " and ".join(
        [
            *(["Slack"] if known.slack_webhook else []),
            *([f"mail to {', '.join(known.recipients)}"] if known.recipients else []),
        ]
    )

    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Tells of each run that failed, with the causes, by {channels}.",
    )
    def alert_of_failed_runs(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        lines = [f"{step}: {cause}" for step, cause in _causes(context)]
        if run.tags.get(_WILL_RETRY_TAG) == "true":
            lines.append("Dagster starts it again; what is finished is kept.")
        _send(known, f"{_name(run)} failed", lines or [str(context.failure_event.message)], run)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of checks that failed in a run that went through, such as "
        f"snapshot_is_recent after a missed refresh, by {channels}.",
    )
    def alert_of_failed_checks(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        lines = list(_failed_checks(context.instance, run.run_id))
        if lines:
            _send(known, f"{_name(run)}: a check failed", lines, run)

    return [alert_of_failed_runs, alert_of_failed_checks]


def _causes(context: dg.RunFailureSensorContext) -> Iterator[tuple[str, str]]:
    """Yield each step that failed by itself, with its cause."""
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        described = failure.user_failure_data
        if described is not None:
            yield str(event.step_key), described.description or ""
        elif failure.error is not None:
            yield str(event.step_key), failure.error.message


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    evaluations = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    for record in evaluations.records:
        event = record.event_log_entry.dagster_event
        if event is not None and not (check := event.asset_check_evaluation_data).passed:
            yield f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"


def _name(run: dg.DagsterRun) -> str:
    wiki = run.tags.get(_PARTITION_TAG)
    return f"{run.job_name} of {wiki}" if wiki else run.job_name


def _send(known: AlertSettings, subject: str, lines: list[str], run: dg.DagsterRun) -> None:
    """Send an alert by each channel, also if another one fails.

    Raises:
        AlertError: It could not be delivered by some channel; says by which, and why.
    """
    where = f"{known.ui_url}/runs/{run.run_id}" if known.ui_url else f"Run {run.run_id}"
    text = "\n".join([*(shorten(line, _LONGEST_CAUSE, placeholder=" …") for line in lines), where])
    failures = []
    if known.slack_webhook:
        try:
            _post(known.slack_webhook, f"*{subject}*\n{text}")
        except (OSError, ValueError) as error:
            # Not the error itself: its address is a secret.
            reason = f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__
            failures.append(f"Slack: {reason}")
    if known.mail_server:
        try:
            _mail(known.mail_server, known.recipients, subject, text)
        except (OSError, smtplib.SMTPException) as error:
            failures.append(f"mail: {type(error).__name__}: {error}")
    if failures:
        raise AlertError(f"This alert was not delivered ({'; '.join(failures)}): {subject}. {text}")


def _post(webhook: str, text: str) -> None:
    request = urllib.request.Request(  # noqa: S310 (settings allow http and https only)
        webhook, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_WITHIN_S):  # noqa: S310
        pass


def _mail(server: MailServer, recipients: tuple[str, ...], subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = f"[wiki-embeddings] {subject}"
    is_address = server.user is not None and "@" in server.user
    message["From"] = server.user if is_address else recipients[0]
    message["To"] = ", ".join(recipients)
    message.set_content(text)
    secure = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(server.host, server.port, timeout=_WITHIN_S, context=secure)
        if server.encrypted
        else smtplib.SMTP(server.host, server.port, timeout=_WITHIN_S)
    ) as smtp:
        if server.user is not None:
            if not server.encrypted:
                smtp.starttls(context=secure)  # refuses a server that cannot encrypt
            smtp.login(server.user, server.password)
        smtp.send_message(message)
