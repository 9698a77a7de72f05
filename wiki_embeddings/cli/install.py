"""`wiki-embeddings install`: what `make install` does last, so that Dagster's own commands work.

`dg` and `dagster` know only `DAGSTER_HOME`, which they read from a file `.env` in the working
directory. Without it they would record into a folder that they remove at the end.
"""

from __future__ import annotations

from pathlib import Path

import click

from wiki_embeddings import settings
from wiki_embeddings.volume import translate_storage_errors

_VARIABLE = "DAGSTER_HOME"


@click.command(hidden=True)
def command() -> None:
    """Prepare the checkout's Dagster home, and name it in .env for Dagster's own commands."""
    root = settings.project_root()
    if root is None:  # nobody calls Dagster's commands in the folder of an installed package
        return
    # Of the checkout, whatever this shell has set: another shell will have set something else.
    known = settings.load({})
    if name_home(root / ".env", known.dagster_home):
        from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
        from wiki_embeddings.defs.wikis import add_first_wikis

        with instance.opened(instance.prepare(known)) as record:
            add_first_wikis(record, known.wikis)


def name_home(file: Path, home: Path) -> bool:
    """Name the Dagster home in a file of environment variables, unless the file names one already.

    The line gives only a default: Dagster lets the file override the environment, so that the value
    refers to the variable itself.

    Args:
        file: The file; its other lines stay.
        home: The Dagster home.

    Returns:
        True if the line was added.

    Raises:
        UnusableVolumeError: The file cannot be written.
    """
    with translate_storage_errors(file.parent):
        lines = file.read_text().splitlines() if file.exists() else []
        if any(line.removeprefix("export ").startswith(f"{_VARIABLE}=") for line in lines):
            return False
        lines += [
            "# By `make install`, for Dagster's own commands; the value in a shell has precedence.",
            f'{_VARIABLE}="${{{_VARIABLE}:-{home}}}"',
        ]
        file.write_text("\n".join([*lines, ""]))
    return True
