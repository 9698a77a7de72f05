"""ONNX Runtime without its telemetry. Import it from here, never directly.

Since 1.29 its releases for Linux and macOS also write an identifier of the machine into the user's
cache on import, and report each session to Microsoft. Setting this variable before the import
prevents both; the function that they offer for it comes too late.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]
