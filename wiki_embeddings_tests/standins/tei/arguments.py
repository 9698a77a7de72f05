"""The flags of `text-embeddings-router` 1.9.3, each also an environment variable, as clap reads
them: an unknown one, a repeated one or a wrong value ends the program with status 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

VERSION = "1.9.3"


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _port(text: str) -> int:
    value = _number(text)
    if value > 65535:
        raise ValueError(text)
    return value


def _switch(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _one_of(*values: str) -> Callable[[str], str]:
    def choose(text: str) -> str:
        return values[values.index(text)]

    return choose


_FLAGS: Mapping[str, tuple[Callable[[str], Any], Any]] = {
    "api-key": (str, None),
    "auto-truncate": (_switch, True),
    "cors-allow-origin": (str, None),
    "default-prompt": (str, None),
    "default-prompt-name": (str, None),
    "dense-path": (str, None),
    "disable-spans": (_switch, False),
    "dtype": (_one_of("float16", "float32"), "float16"),
    "hf-api-token": (str, None),
    "hf-token": (str, None),
    "hostname": (str, "0.0.0.0"),
    "huggingface-hub-cache": (str, None),
    "json-output": (_switch, False),
    "max-batch-requests": (_number, None),
    "max-batch-tokens": (_number, 16384),
    "max-client-batch-size": (_number, 32),
    "max-concurrent-requests": (_number, 512),
    "model-id": (str, None),
    "otlp-endpoint": (str, None),
    "otlp-service-name": (str, "text-embeddings-inference.server"),
    "payload-limit": (_number, 2_000_000),
    "pooling": (_one_of("cls", "mean", "splade", "last-token"), None),
    "port": (_port, 3000),
    "prometheus-port": (_port, 9000),
    "revision": (str, None),
    "served-model-name": (str, None),
    "tokenization-workers": (_number, None),
    "uds-path": (str, "/tmp/text-embeddings-inference-server"),
}
"""Each flag's reader and its default."""

_SWITCHES = {"auto-truncate", "disable-spans", "json-output"}
"""Flags that may stand without a value."""


def parse(arguments: Sequence[str]) -> Mapping[str, Any]:
    """Read a command line; end the program where TEI would."""
    if list(arguments) in (["--version"], ["-V"]):
        sys.stdout.write(f"text-embeddings-router {VERSION}\n")
        sys.exit(0)
    given: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        name = _flag(rest.pop(0))
        if name in given:
            _refuse(f"the argument '--{name}' cannot be used multiple times")
        bare = name in _SWITCHES and (not rest or rest[0].startswith("--"))
        if not bare and not rest:
            _refuse(f"a value is required for '--{name}' but none was supplied")
        given[name] = True if bare else _value(name, rest.pop(0))
    values = {name: default for name, (_, default) in _FLAGS.items()} | _environment() | given
    if values["model-id"] is None:
        _refuse("the following required arguments were not provided:\n  --model-id <MODEL_ID>")
    return values


def _environment() -> dict[str, Any]:
    variables = {name: os.environ.get(name.upper().replace("-", "_")) for name in _FLAGS}
    return {name: _value(name, text) for name, text in variables.items() if text is not None}


def _flag(argument: str) -> str:
    name = argument.removeprefix("--") if argument.startswith("--") else ""
    if name not in _FLAGS:
        _refuse(f"unexpected argument '{argument}' found")
    return name


def _value(name: str, text: str) -> Any:
    read, _ = _FLAGS[name]
    try:
        return read(text)
    except (ValueError, KeyError):
        _refuse(f"invalid value '{text}' for '--{name}'")


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n\nFor more information, try '--help'.\n")
    sys.exit(2)
