"""A PostgreSQL server for tests, from the programs of Debian's package `postgresql`."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

USERS = ("postgres", "nobody")
"""Who may run the server if this process is root, which it refuses."""

_PROGRAMS = Path("/usr/lib/postgresql")
"""Debian does not put them on the PATH."""

_NO_DISK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def missing() -> str:
    """What is missing to run a server here, in a sentence; empty if nothing is."""
    if _program("initdb") is None or _program("postgres") is None:
        return "There is no PostgreSQL server here: `apt-get install postgresql` installs it."
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL does not run as root, and there is no user {' or '.join(USERS)} here."
    return ""


@contextmanager
def served() -> Iterator[str]:
    """Run a server with an empty database, and yield the database's address."""
    user = _user() if os.geteuid() == 0 else None
    # Not in pytest's folder, which nobody but its owner may enter, and whose path may be too long
    # for a socket.
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        options = ["--username=dagster", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        _run("initdb", ["--pgdata", data, *options], user)
        listen = f"-k {folder} -c listen_addresses= {_NO_DISK}"
        log = str(folder / "log")
        _run("pg_ctl", ["start", "--wait", "-D", data, "-l", log, "-o", listen], user)
        try:
            yield f"postgresql+psycopg2://dagster@/postgres?host={folder}"
        finally:
            _run("pg_ctl", ["stop", "--mode=immediate", "-D", data], user)
    finally:
        shutil.rmtree(folder)


def _run(name: str, arguments: Sequence[str], user: str | None) -> None:
    program = _program(name)
    assert program is not None
    owner = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    # The server inherits the streams, so a pipe would never end.
    with tempfile.TemporaryFile() as output:
        subprocess.run(
            [program, *arguments], cwd="/", check=True, stdout=output, stderr=output, **owner
        )


def _program(name: str) -> str | None:
    versions = sorted(_PROGRAMS.glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else shutil.which(name)


def _user() -> str | None:
    existing = {entry.pw_name for entry in pwd.getpwall()}
    return next((user for user in USERS if user in existing), None)
