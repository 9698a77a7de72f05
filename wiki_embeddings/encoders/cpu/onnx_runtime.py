"""ONNX Runtime without its telemetry. Import it from here, never directly.

From 1.29 on, its releases for Linux and macOS too write an identifier of the machine into the
user's cache when they are imported, and report each session to Microsoft. They do neither where
this variable is set before the import; the function that they offer for it comes too late.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]
