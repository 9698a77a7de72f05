"""The rooms and what each may import, as `docs/architecture.md` lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wiki_embeddings

PACKAGE = Path(wiki_embeddings.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"
BASE_ROOMS = 11
"""The page calls the first eleven rooms of its table *base*."""


def table(heading: str) -> list[list[str]]:
    """The rows of the page's table whose first column has this heading."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def names(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def allowed_rooms() -> dict[str, set[str]]:
    rows = table("room")
    base = {name for row in rows[:BASE_ROOMS] for name in names(row[0])}
    return {
        room: names(row[-1]) | (base if "*base*" in row[-1] else set())
        for row in rows
        for room in names(row[0])
    }


def room_of(module: str) -> str:
    """`wiki_embeddings.stages.embed` is in the room `stages`."""
    return module.split(".")[1]


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever in it: `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of_file(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def forbidden_imports(
    path: Path, rooms: dict[str, set[str]], libraries: dict[str, set[str]]
) -> Iterator[str]:
    """Describe what a file imports against the tables."""
    room = room_of_file(path)
    if room == "__init__":
        return
    for module in imports(path):
        library = module.split(".")[0]
        if module == "wiki_embeddings.__version__":
            continue
        if library == "wiki_embeddings":
            target = room_of(module)
            if target != room and target not in rooms[room]:
                yield f"{path.relative_to(PACKAGE)} imports {module}"
        elif library in libraries and room not in libraries[library]:
            yield f"{path.relative_to(PACKAGE)} imports {module}"


def libraries() -> dict[str, set[str]]:
    return {name: names(row[1]) for row in table("library") for name in names(row[0])}


def test_the_page_lists_exactly_the_rooms_that_exist():
    existing = {room_of_file(path) for path in files()} - {"__init__"}
    assert existing == set(allowed_rooms())


def test_the_page_allows_imports_downwards_only():
    seen: set[str] = set()
    for row in table("room"):
        (room,) = names(row[0])
        assert allowed_rooms()[room] - {room} <= seen, f"{room} may import a room further down"
        seen.add(room)


@pytest.mark.parametrize("room", allowed_rooms())
def test_a_room_imports_only_what_the_page_allows(room):
    found = [
        line
        for path in files()
        if room_of_file(path) == room
        for line in forbidden_imports(path, allowed_rooms(), libraries())
    ]
    assert not found


@pytest.mark.parametrize(
    "statement",
    [
        "import dagster as dg",
        "from wiki_embeddings.compute.protocol import Compute",
        "def plan():\n    from wiki_embeddings.defs import assets",
        "if TYPE_CHECKING:\n    import modal.exception",
    ],
)
def test_an_import_against_the_page_is_found_wherever_it_stands(statement, tmp_path, monkeypatch):
    monkeypatch.setattr("wiki_embeddings_tests.test_architecture.PACKAGE", tmp_path)
    module = tmp_path / "stages" / "embed.py"
    module.parent.mkdir()
    module.write_text(statement)
    assert list(forbidden_imports(module, allowed_rooms(), libraries()))
