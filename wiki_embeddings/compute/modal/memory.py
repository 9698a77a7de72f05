"""What one run on Modal has learnt of the volume, so that it asks for nothing twice.

Every run begins with nothing, so what was changed or damaged before it is noticed. What others may
change while it is under way, such as the record of calls, is never remembered.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RunMemory:
    """What one run has learnt.

    Attributes:
        files: Content of the settled files (see `volume.is_settled`) that it has read or written,
            by reference.
        on_volume: SHA-256 of settled files that a container of this run has seen, by reference: to
            write the same again would change nothing.
        answers: Results of `ModalCompute.call_once`, by function and arguments.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    on_volume: dict[str, str] = field(default_factory=dict)
    answers: dict[Hashable, Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget everything, since the volume is about to be changed."""
        self.files.clear()
        self.on_volume.clear()
        self.answers.clear()
