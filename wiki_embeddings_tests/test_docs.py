"""The documentation: commands that exist, links that lead somewhere, all settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from wiki_embeddings.cli.main import cli as command_line
from wiki_embeddings_tests.support.homes import cli_in_this_process

REPOSITORY = Path(__file__).parents[1]

PAGES = [
    *sorted(REPOSITORY.glob("docs/*.md")),
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
]

WITHOUT_AN_ACCOUNT = {"estimate", "status", "add", "doctor"}
"""Commands that are run, in a home of their own; of the others the options are parsed."""


def shown_commands() -> list[tuple[str, list[str]]]:
    """Each command line of ours in a block of a page: the page's name and the arguments."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(?:console|sh|bash)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        indented = re.findall(r"^    (wiki-embeddings .*)$", text, re.MULTILINE)
        lines = "\n".join([*blocks, *indented]).replace("\\\n", " ").splitlines()
        for line in lines:
            words = shlex.split(line, comments=True) if "wiki-embeddings" in line else []
            words = words[: next((n for n, word in enumerate(words) if word in "|<>"), None)]
            if "wiki-embeddings" in words and "modal" not in words:
                found.append((page.name, words[words.index("wiki-embeddings") + 1 :]))
    return found


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_command_on_a_page_exists_with_its_options():
    shown = shown_commands()
    assert len(shown) > 30
    assert {page for page, _ in shown} >= {"README.md", "automation.md", "modal.md"}
    for page, arguments in shown:
        try:
            context = command_line.make_context("wiki-embeddings", list(arguments))
            name, command, rest = command_line.resolve_command(context, [*arguments])
            assert command is not None
            while isinstance(command, click.Group) and rest:
                name, command, rest = command.resolve_command(context, rest)
                assert command is not None
            command.make_context(name, rest, resilient_parsing=False)
        except click.exceptions.UsageError as error:
            pytest.fail(f"{page}: {' '.join(arguments)}: {error.format_message()}")


def test_commands_that_need_no_account_work_as_the_readme_shows_them(tmp_path):
    ran = []
    for page, arguments in shown_commands():
        if page != "README.md" or arguments[0] not in WITHOUT_AN_ACCOUNT or "modal" in arguments:
            continue
        told = cli_in_this_process(
            tmp_path, *arguments, WIKI_EMBEDDINGS_DUMPS_URL="http://127.0.0.1:9"
        )
        assert told.returncode == 0, (arguments, told.stderr)
        ran.append(arguments[0])
    assert set(ran) == WITHOUT_AN_ACCOUNT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        if anchor:
            assert anchor in headings(linked), target


def test_the_readme_is_short_and_names_every_setting():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    source = (REPOSITORY / "wiki_embeddings" / "settings.py").read_text(encoding="utf-8")
    settings = set(re.findall(r'"(WIKI_EMBEDDINGS_[A-Z_]+)"', source))
    assert len(settings) > 10
    assert {name for name in settings if f"`{name}`" not in readme} == set()
    assert len(readme.splitlines()) < 150
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", readme)
    assert len(pictures) >= 2
    assert all((REPOSITORY / picture).stat().st_size < 200_000 for picture in pictures)
