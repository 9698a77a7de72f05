"""This project's own settings (`WIKI_EMBEDDINGS_*`), read here and nowhere else.

What changes a result is Dagster run config instead (`defs/config.py`). Tokens are read by the SDKs
that use them and never pass through here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from wiki_embeddings.errors import BadInputError

SAMPLE_WIKI = "sample"
"""The bundled wiki: real articles, without an account or a network."""

WIKIMEDIA_DUMPS = "https://dumps.wikimedia.org"
"""Wikimedia's own site of exports."""

ComputeKind = Literal["local", "modal"]
"""This machine, or the app deployed on Modal."""

_COMPUTES: Mapping[str, ComputeKind] = {"local": "local", "modal": "modal"}

_WIKI = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Language codes of Wikipedias, such as `en`, `simple` and `zh-min-nan`."""

_NAMESPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Names of users and organisations on the Hub."""

_MAX_SNAPSHOT_AGE_DAYS = 55
"""A snapshot is dated the 1st, and the next one is complete by the 20th of the next month, when the
first is 51 days old at most. Four days are left for the run."""

_MAX_LOCAL_HOURS, _MAX_LOCAL_GB = 2.0, 20.0
"""What a run on this machine may be predicted to take: more than a laptop is left alone for."""

GB = 1_000_000_000

_SEARCH_CACHE_GB = 2
"""All bits of English Wikipedia's index take half of it."""

_CONTACT = re.compile(r"[\x20-\x27\x2a-\x7e]{0,200}")
"""Printable ASCII without brackets: it stands in the comment of a User-Agent (RFC 9110, 10.1.5)."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+")

_WEB = {"http", "https"}

_MAIL_ADDRESS = re.compile(r"[\x21-\x2b\x2d-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+")

_MAIL_PORTS = {"smtps": 465, "smtp": 587}
_MAIL_SERVER_FORM = "smtps://user:password@smtp.example.org, or smtp:// for STARTTLS"

_UNDECODABLE = (re.compile(r"[\udc80-\udcff]"), "is no character of UTF-8")
_NOT_FOR_DAGSTER = (
    (re.compile(r"%[0-9A-Fa-f]{2}"), "stands for another character in the address of a database"),
    (re.compile(r"\?"), "ends the path in the address of a database"),
    _UNDECODABLE,
)
_NOT_FOR_DATASETS = (
    (re.compile(r"\[[^/]*\]"), "is a pattern for `datasets`, not a folder"),
    (re.compile(r"::"), "begins another address for `datasets`"),
    _UNDECODABLE,
)
"""What Dagster's record and the library `datasets` cannot have in the path of a folder, and why."""


@dataclass(frozen=True)
class Settings:
    """The settings of this process.

    Attributes:
        home: Root of the local volume, the local Hub folder and the model cache.
        dagster_home: Home of the Dagster instance: `DAGSTER_HOME`, or a folder in the home.
        compute: Where the stages run: `local` or `modal`.
        wikis: The wikis that an instance has from the beginning; others are added to it.
        hub_namespace: User or organisation on the Hugging Face Hub to publish to; None to publish
            to a local folder.
        max_snapshot_age_days: Age of a refreshed wiki's snapshot, in days, from which a refresh
            counts as missed.
        max_local_hours: Hours that a run on this machine may be predicted to take; None for any.
        max_local_gb: Gigabytes (10⁹ bytes) that it may be predicted to store; None for any.
        search_cache_bytes: Most bytes that searches keep of what they read.
    """

    home: Path
    dagster_home: Path
    compute: ComputeKind
    wikis: tuple[str, ...]
    hub_namespace: str | None = None
    max_snapshot_age_days: int = _MAX_SNAPSHOT_AGE_DAYS
    max_local_hours: float | None = _MAX_LOCAL_HOURS
    max_local_gb: float | None = _MAX_LOCAL_GB
    search_cache_bytes: int = _SEARCH_CACHE_GB * GB

    @property
    def volume(self) -> Path:
        """Root of the local volume."""
        return self.home / "volume"

    @property
    def hub(self) -> Path:
        """Folder with a folder in Hub layout for each published dataset."""
        return self.home / "hub"


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables.

    Args:
        environment: The variables; see the table of settings in the README.

    Raises:
        BadInputError: A variable has an invalid value.
    """
    compute = environment.get("WIKI_EMBEDDINGS_COMPUTE") or "local"
    if compute not in _COMPUTES:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_COMPUTE is {compute!r}, but stages run only on "
            f"{' or '.join(_COMPUTES)}: unset it or set it to one of these."
        )
    namespace = environment.get("WIKI_EMBEDDINGS_HUB_NAMESPACE") or None
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise BadInputError(
            f"WIKI_EMBEDDINGS_HUB_NAMESPACE is {namespace!r}, which is not the name of a user or "
            "organisation on the Hugging Face Hub: write only the name, or unset it to publish to "
            "a local folder."
        )
    root = home(environment)
    own = environment.get("DAGSTER_HOME")
    dagster_home = _folder("DAGSTER_HOME", own) if own else root / "dagster"
    _require_plain(root, "WIKI_EMBEDDINGS_HOME", _NOT_FOR_DATASETS)
    _require_plain(
        dagster_home, "DAGSTER_HOME" if own else "WIKI_EMBEDDINGS_HOME", _NOT_FOR_DAGSTER
    )
    return Settings(
        home=root,
        dagster_home=dagster_home,
        compute=_COMPUTES[compute],
        wikis=_wikis(environment.get("WIKI_EMBEDDINGS_WIKIS") or SAMPLE_WIKI),
        hub_namespace=namespace,
        max_snapshot_age_days=_days(environment, "WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS"),
        max_local_hours=_limit(environment, "WIKI_EMBEDDINGS_MAX_LOCAL_HOURS", _MAX_LOCAL_HOURS),
        max_local_gb=_limit(environment, "WIKI_EMBEDDINGS_MAX_LOCAL_GB", _MAX_LOCAL_GB),
        search_cache_bytes=_bytes(environment, "WIKI_EMBEDDINGS_SEARCH_CACHE_GB"),
    )


@dataclass(frozen=True)
class DumpsSettings:
    """Where Wikimedia's exports are read from.

    Attributes:
        url: Address of the origin, without a trailing slash. Checksums come from nowhere else.
        mirror: Address of a mirror for the files, likewise; None to fetch them from the origin.
        contact: Who runs this, for the User-Agent: an email address or a web page; empty if unset.
    """

    url: str
    mirror: str | None
    contact: str


def dumps(environment: Mapping[str, str] = os.environ) -> DumpsSettings:
    """Read the settings of Wikimedia's exports from environment variables.

    Raises:
        BadInputError: An address or the contact is invalid.
    """
    mirror = environment.get("WIKI_EMBEDDINGS_DUMPS_MIRROR")
    contact = environment.get("WIKI_EMBEDDINGS_CONTACT", "").strip()
    if not _CONTACT.fullmatch(contact):
        raise BadInputError(
            f"WIKI_EMBEDDINGS_CONTACT is {contact!r}, which cannot stand in a User-Agent: give an "
            "email address or a web page, in ASCII and without brackets."
        )
    return DumpsSettings(
        url=_site("WIKI_EMBEDDINGS_DUMPS_URL", environment.get("WIKI_EMBEDDINGS_DUMPS_URL"))
        or WIKIMEDIA_DUMPS,
        mirror=_site("WIKI_EMBEDDINGS_DUMPS_MIRROR", mirror),
        contact=contact,
    )


@dataclass(frozen=True)
class MailServer:
    """The server that alerts are handed to.

    Attributes:
        host: Its name.
        port: Its port.
        encrypted: True if the connection begins with TLS; otherwise it is encrypted by STARTTLS,
            unless nobody logs in.
        user: Name to log in with; None to send without logging in.
        password: Its password; not in the representation.
    """

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: str = field(repr=False)


@dataclass(frozen=True)
class AlertSettings:
    """Who is told of failures.

    Attributes:
        slack_webhook: Address of an incoming webhook of Slack, which is a secret; None without one.
        recipients: Addresses of mail.
        mail_server: Takes the mail; None without recipients.
        ui_url: Address of the Dagster UI, for links, without a trailing slash; None if unknown.
    """

    slack_webhook: str | None = field(repr=False)
    recipients: tuple[str, ...]
    mail_server: MailServer | None
    ui_url: str | None

    @property
    def anyone(self) -> bool:
        """True if there is anybody to tell."""
        return bool(self.slack_webhook or self.recipients)


def alerts(environment: Mapping[str, str] = os.environ) -> AlertSettings:
    """Read from environment variables who is told of failures.

    Raises:
        BadInputError: A value is invalid, or there are recipients and no server; it names no value,
            since some are secrets.
    """
    webhook = environment.get("WIKI_EMBEDDINGS_ALERT_SLACK_WEBHOOK") or None
    if webhook and not (_PRINTABLE.fullmatch(webhook) and urlsplit(webhook).scheme in _WEB):
        raise BadInputError(
            "WIKI_EMBEDDINGS_ALERT_SLACK_WEBHOOK is not the address of a webhook: Slack shows it "
            "as https://hooks.slack.com/services/…"
        )
    named = environment.get("WIKI_EMBEDDINGS_ALERT_EMAIL", "").split(",")
    recipients = tuple(address.strip() for address in named if address.strip())
    if invalid := [address for address in recipients if not _MAIL_ADDRESS.fullmatch(address)]:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_ALERT_EMAIL names {invalid[0]!r}, which is not an email address: "
            "give addresses separated by commas."
        )
    server = environment.get("WIKI_EMBEDDINGS_ALERT_SMTP")
    if recipients and not server:
        raise BadInputError(
            "WIKI_EMBEDDINGS_ALERT_EMAIL is set, and no server to send mail by: set "
            f"WIKI_EMBEDDINGS_ALERT_SMTP as well, {_MAIL_SERVER_FORM}."
        )
    return AlertSettings(
        slack_webhook=webhook,
        recipients=recipients,
        mail_server=_mail_server(server) if recipients and server else None,
        ui_url=_site("WIKI_EMBEDDINGS_UI_URL", environment.get("WIKI_EMBEDDINGS_UI_URL")),
    )


def _mail_server(value: str) -> MailServer:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _MAIL_PORTS or port == 0:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_ALERT_SMTP is not the address of a server of mail: write it as "
            f"{_MAIL_SERVER_FORM}."
        )
    return MailServer(
        host=host,
        port=port or _MAIL_PORTS[parts.scheme],
        encrypted=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def code_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the address of this code's repository, which dataset cards link to; None if unset.

    Raises:
        BadInputError: It is not an address.
    """
    return _site("WIKI_EMBEDDINGS_CODE_URL", environment.get("WIKI_EMBEDDINGS_CODE_URL"))


def _site(variable: str, value: str | None) -> str | None:
    """Return the address of a site without a trailing slash; None if the variable is unset."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        is_site = parts.scheme in _WEB and parts.hostname and parts.port != 0
    except ValueError:
        is_site = False
    if not is_site or parts.query or parts.fragment or not _PRINTABLE.fullmatch(value):
        raise BadInputError(
            f"{variable} is not the address of a site: write it as https://dumps.wikimedia.org, "
            "without ? or #."
        )
    if parts.username is not None:  # it would be shown in messages and recorded in runs
        raise BadInputError(f"{variable} holds a user's name: write the address without it.")
    return value.rstrip("/")


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds everything local: an absolute path, which need not exist yet.

    Without `WIKI_EMBEDDINGS_HOME` it is `.wiki_embeddings` in the project, or in the working
    directory where the package is installed outside a checkout.

    Raises:
        BadInputError: It is in the home of a user who does not exist.
    """
    named = environment.get("WIKI_EMBEDDINGS_HOME")
    if named:
        return _folder("WIKI_EMBEDDINGS_HOME", named)
    return (project_root() or Path.cwd()) / ".wiki_embeddings"


def models_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder that keeps the models fetched from the Hub; it need not exist yet."""
    return home(environment) / "models"


def project_root() -> Path | None:
    """Return the checkout that this package runs from; None if it is installed without one."""
    parent = Path(__file__).resolve().parent.parent
    return parent if (parent / "workspace.yaml").is_file() else None


def is_wiki(name: str) -> bool:
    """True if a text has the form of a wiki's name: a language code, or `sample`."""
    return _WIKI.fullmatch(name) is not None


def require_wiki(wiki: str) -> None:
    """Refuse what cannot be the name of a wiki.

    Raises:
        BadInputError: It is not a language code, nor `sample`.
    """
    if is_wiki(wiki):
        return
    code = wiki.strip().lower().replace("_", "-")
    meant = f" Did you mean {code}?" if _WIKI.fullmatch(code) else ""
    raise BadInputError(
        f"{wiki!r} is not the language code of a Wikipedia, such as en or zh-min-nan.{meant}"
    )


def _folder(variable: str, value: str) -> Path:
    """Return the absolute path of a folder that a variable names, with `~` expanded."""
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise BadInputError(
            f"{variable} is {value!r}, but that user has no home here: give an absolute path."
        ) from error


def _require_plain(
    folder: Path, variable: str, exclusions: Sequence[tuple[re.Pattern[str], str]]
) -> None:
    """Refuse a folder with characters in its path that a library would take for something else."""
    for pattern, reason in exclusions:
        if found := pattern.search(str(folder)):
            raise BadInputError(
                f"The folder {str(folder)!r} cannot be used: {found[0]!r} in its path {reason}. "
                f"Set {variable} to a folder without it."
            )


def _days(environment: Mapping[str, str], variable: str) -> int:
    value = environment.get(variable) or str(_MAX_SNAPSHOT_AGE_DAYS)
    if not re.fullmatch(r"0*[1-9][0-9]{0,4}", value):
        raise BadInputError(f"{variable} is {value!r}: give a number of days, such as 55.")
    return int(value)


def _limit(environment: Mapping[str, str], variable: str, default: float) -> float | None:
    value = environment.get(variable, "").strip()
    if value.lower() == "none":
        return None
    if value and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", value, re.ASCII):
        raise BadInputError(
            f"{variable} is {value!r}: give a number, such as {default:g}, or none."
        )
    return float(value) if value else default


def _bytes(environment: Mapping[str, str], variable: str) -> int:
    value = environment.get(variable) or str(_SEARCH_CACHE_GB)
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,9})?", value):
        raise BadInputError(f"{variable} is {value!r}: give a number of GB, such as 2 or 0.5.")
    return round(float(value) * GB)


def _wikis(names: str) -> tuple[str, ...]:
    wikis = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    invalid = [repr(wiki) for wiki in wikis if not _WIKI.fullmatch(wiki)]
    if invalid or not wikis:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_WIKIS names {', '.join(invalid) or 'no wiki'}: give language codes "
            "separated by commas, such as sample,simple,de."
        )
    return wikis
