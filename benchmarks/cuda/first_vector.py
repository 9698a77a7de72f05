"""Times a new process up to its first vector, like the start of a container.

    python -m benchmarks.cuda.first_vector FOLDER DEVICE

Prints seconds for importing the engine, loading the model, and encoding the first text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FirstVector:
    """Seconds from the start of a process.

    Attributes:
        importing: For Python with PyTorch and our package.
        loading: For the model.
        encoding: For the first text.
        total: Up to the first vector, including the start of the process.
    """

    importing: float
    loading: float
    encoding: float
    total: float


def time_first_vector(folder: Path, device: str) -> FirstVector:
    """Start a process that has no compiled kernels yet, and wait for its first vector."""
    command = [sys.executable, "-m", __name__, str(folder), device]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "TRITON_CACHE_DIR": cache}
        begun = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            total = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError("The process failed before its first vector; see above.")
    return FirstVector(**json.loads(line), total=total)


def main(folder: str, device: str) -> None:
    """Compute one vector, and print how long each step took."""
    begun = time.perf_counter()
    from benchmarks.cuda.models import our_encoder

    imported = time.perf_counter()
    encoder = our_encoder(Path(folder), device)
    loaded = time.perf_counter()
    encoder.encode_texts(["Fresh snow reflects most of the sunlight that falls on it."])
    encoded = time.perf_counter()
    spans = {
        "importing": imported - begun,
        "loading": loaded - imported,
        "encoding": encoded - loaded,
    }
    print(json.dumps(spans), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
