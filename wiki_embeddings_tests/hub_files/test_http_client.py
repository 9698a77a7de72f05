"""What in the environment keeps the HTTP client from being made is named, on every path."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files import HubFile, HubSnapshot, download, resolve
from wiki_embeddings.publishing.account import look_up_account
from wiki_embeddings.publishing.repository import read_main
from wiki_embeddings_tests.hub_files.fetching import QUICK_POLICY, REPO
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.support.homes import cli

SOCKS = "socks5://127.0.0.1:1080"
PATHS: dict[str, Callable[[Path], object]] = {
    "look up": lambda _: resolve(REPO, repo_type="model", revision="main", policy=QUICK_POLICY),
    "download": lambda folder: download(
        HubSnapshot(REPO, "model", "0" * 40, ()), HubFile("a", 1, "", "0" * 64), folder / "a"
    ),
    "account": lambda _: look_up_account(),
    "publishing": lambda _: read_main(REPO),
}


@pytest.fixture(autouse=True)
def _new_client(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test make the client anew, from its own environment."""
    assert hub.url
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ALL_PROXY", SOCKS, "ALL_PROXY names a SOCKS proxy.*pip install socksio"),
        ("HTTPS_PROXY", "foo:bar", "HTTPS_PROXY is not the address of a proxy: write http://"),
    ],
)
def test_every_path_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    path: str,
    *,
    name: str,
    value: str,
    sentence: str,
):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInputError, match=sentence):
        PATHS[path](tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("https_proxy", "foo:bar"),
        ("http_proxy", "http://[::1"),
        ("HTTPS_PROXY", "ftp://proxy:21"),
        ("all_proxy", "socks4://proxy:1080"),
        ("https_proxy", "http://ada:hunter2"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
        ("SSL_CERT_FILE", os.devnull),
    ],
)
def test_what_is_wrong_is_named_and_nothing_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInputError, match=rf"^{name} (is|names) ") as caught:
        PATHS["look up"](tmp_path)
    assert "HF_ENDPOINT" not in str(caught.value)
    assert "hunter2" not in str(caught.getrepr(style="native"))


def test_an_address_of_a_hub_that_is_none_is_still_blamed_on_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    with pytest.raises(BadInputError, match=r"HF_ENDPOINT is not a valid address: hub\.example"):
        PATHS["look up"](tmp_path)


def test_the_command_line_says_it_in_a_sentence(hub: LocalHub, tmp_path: Path):
    asked = ("search", "What is snow?", "--dataset", "somebody/something")
    done = cli(tmp_path, *asked, HF_ENDPOINT=hub.url, ALL_PROXY=SOCKS)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ALL_PROXY names a SOCKS proxy")
    assert "Traceback" not in done.stderr
