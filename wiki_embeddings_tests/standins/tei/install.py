"""Installation of the executable."""

from __future__ import annotations

import sys
from pathlib import Path

EXECUTABLE = "text-embeddings-router"

_SCRIPT = """#!{python}
import sys

sys.path.insert(0, {root!r})
from wiki_embeddings_tests.standins.tei.router import main

main()
"""


def install(folder: Path) -> Path:
    """Write the stand-in as `text-embeddings-router` into a folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / EXECUTABLE
    root = Path(__file__).parents[3]
    script.write_text(_SCRIPT.format(python=sys.executable, root=str(root)), encoding="utf-8")
    script.chmod(0o755)
    return script
