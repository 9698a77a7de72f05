"""Requests to the local Hub's API, answers, and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wiki_embeddings_tests.standins.hub.local_hub import LocalHub

REPO_TYPES = {"models": "model", "datasets": "dataset"}


class RefusalError(Exception):
    """An error answer, with the headers that explain it.

    Attributes:
        headers: Further headers.
        content: The JSON body; without one, the message.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        self.content = content or {"error": message}


@dataclass(frozen=True)
class Answer:
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request to the API.

    Attributes:
        steps: Parts of the path, unquoted.
        headers: Names in lower case.
    """

    hub: LocalHub
    method: str
    steps: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The JSON of the body; empty without a body."""
        return json.loads(self.body) if self.body else {}

    def is_on(self, name: str) -> bool:
        """True if a parameter of the query is set."""
        return self.query.get(name, [""])[0].lower() in {"true", "1"}


def parse_revision(steps: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Split a path into its revision and the rest; `refs/pr/1` may be three steps or one."""
    length = 3 if steps[0] == "refs" else 1
    return "/".join(steps[:length]), steps[length:]
