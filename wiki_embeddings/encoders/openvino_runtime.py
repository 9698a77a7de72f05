"""OpenVINO without its telemetry, and with what the rest of the package needs of it.

Importing `openvino` reports the import to Google Analytics from a child process: its conversion
tools, which nobody asked for, do so when they load. They do without where `openvino_telemetry`
cannot be imported, so it cannot be while they load. Import OpenVINO from here, never directly.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TELEMETRY = "openvino_telemetry"


@contextmanager
def _no_telemetry() -> Iterator[None]:
    """Makes the telemetry package look as if it were not installed."""
    if _TELEMETRY in sys.modules:
        yield
        return
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # how Python marks "not to import"
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]


with _no_telemetry():
    import openvino as ov  # type: ignore[import-untyped]
    from openvino import opset16 as ops

__all__ = ["ops", "ov"]
