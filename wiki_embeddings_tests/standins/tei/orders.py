"""The behaviour that a test orders from the processes, and the notes that they leave.

Both are files in the folder that the variable `TEI_LOCAL` names; without it there are none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "TEI_LOCAL"

_ORDERS = "orders.json"
_LIVES = "lives"
_SERVED = "served.jsonl"


@dataclass(frozen=True)
class Orders:
    """The behaviour of one process.

    Attributes:
        unhealthy_s: Seconds in which it listens but is not healthy.
        fails_to_start: Lines that it writes before it dies instead of starting.
        says: A line that it writes while it loads the model.
        dies_after: Requests that it answers before it dies at the next one; None for all.
        hangs_after: Requests that it answers before it hangs; None for all.
        overloaded: Requests that it refuses as overloaded before it accepts any.
        fails_with: Status, error type and message of the answers to its first requests.
        answers: Bodies of the answers to its first requests.
        miscounts: Number that it adds to the tokens read, for its first requests.
        info: Changes to its answer to `/info`.
    """

    unhealthy_s: float = 0.0
    fails_to_start: str = ""
    says: str = ""
    dies_after: int | None = None
    hangs_after: int | None = None
    overloaded: int = 0
    fails_with: Sequence[tuple[int, str, str]] = ()
    answers: Sequence[str] = ()
    miscounts: Sequence[int] = ()
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """A request for vectors.

    Attributes:
        life: Number of the process that took it, from 0.
        inputs: Number of inputs.
        tokens: Token ids in them; 0 for texts.
        at_once: Requests in progress at its arrival, including itself.
        options: All of its fields but the inputs.
    """

    life: int
    inputs: int
    tokens: int
    at_once: int
    options: dict[str, Any]


def write_orders(folder: Path, lives: tuple[Orders, ...]) -> None:
    """Order the behaviour of the next processes, one after another; later ones behave normally."""
    (folder / _ORDERS).write_text(json.dumps([asdict(orders) for orders in lives]))


def start_life(folder: Path | None) -> tuple[int, Orders]:
    """Count this process, and read its orders."""
    if folder is None:
        return 0, Orders()
    life = len(read_pids(folder))
    with (folder / _LIVES).open("a") as file:
        file.write(f"{os.getpid()}\n")
    if not (folder / _ORDERS).exists():
        return life, Orders()
    orders = json.loads((folder / _ORDERS).read_text())
    return life, Orders(**orders[life]) if life < len(orders) else Orders()


def read_pids(folder: Path) -> list[int]:
    """Ids of all processes, in order of their start."""
    file = folder / _LIVES
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def note_request(folder: Path | None, served: Served) -> None:
    """Record a request."""
    if folder is not None:
        with (folder / _SERVED).open("a") as file:
            file.write(json.dumps(asdict(served)) + "\n")


def read_served(folder: Path) -> list[Served]:
    """All requests, in order."""
    file = folder / _SERVED
    lines = file.read_text().splitlines() if file.exists() else []
    return [Served(**json.loads(line)) for line in lines]
