"""The stand-ins stand alone: they know nothing of the project that is tested with them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PACKAGE = __name__.rpartition(".")[0]
FILES = sorted(FOLDER.glob("*/**/*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(FOLDER).with_suffix("").parts
    return ".".join([PACKAGE, *(part for part in parts if part != "__init__")])


def imported_names(file: Path) -> Iterator[str]:
    """Dotted names that a file imports: at its top, in functions, or for type checking alone."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_a_stand_in_imports_nothing_of_the_project(file):
    ours = [name for name in imported_names(file) if name.startswith("wiki_embeddings")]
    assert [name for name in ours if not name.startswith(f"{PACKAGE}.")] == []


def test_modules_of_the_stand_ins_do_not_import_each_other_in_circles():
    modules = {module_name(file): file for file in FILES}
    imports = {
        module: {
            name if name in modules else name.rpartition(".")[0] for name in imported_names(file)
        }
        for module, file in modules.items()
    }
    TopologicalSorter(imports).prepare()  # raises CycleError


@pytest.mark.parametrize("name", ["dumps", "hub", "modal", "tei"])
def test_each_stand_in_has_a_page(name):
    page = (FOLDER / name / "README.md").read_text()
    for heading in ("What it models", "What it does not model", "How to use it", "What proves it"):
        assert f"## {heading}" in page
