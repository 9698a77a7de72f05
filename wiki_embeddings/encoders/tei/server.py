"""The process of TEI: launching, watching and ending it. Knows nothing of HTTP."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import weakref
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import Precision
from wiki_embeddings.encoders.tei import watchdog
from wiki_embeddings.encoders.tei.model_folder import write_model_folder
from wiki_embeddings.errors import BadInputError

EXECUTABLE = "text-embeddings-router"
LOOPBACK = "127.0.0.1"

_LAST_LINES = 20
"""Lines of output that are kept; a panic or a failed start writes about ten."""

_STOP_S = 10.0
"""Seconds that a killed server may take to end; freeing a GPU's memory takes one or two."""

_VERSION_S = 60.0
"""Seconds that `--version` may take, while the image is still being fetched page by page."""

_FLAG_VARIABLES = frozenset(
    """
    API_KEY AUTO_TRUNCATE CORS_ALLOW_ORIGIN DEFAULT_PROMPT DEFAULT_PROMPT_NAME DENSE_PATH
    DISABLE_SPANS DTYPE HF_API_TOKEN HF_TOKEN HOSTNAME HUGGINGFACE_HUB_CACHE JSON_OUTPUT
    MAX_BATCH_REQUESTS MAX_BATCH_TOKENS MAX_CLIENT_BATCH_SIZE MAX_CONCURRENT_REQUESTS MODEL_ID
    OTLP_ENDPOINT OTLP_SERVICE_NAME PAYLOAD_LIMIT POOLING PORT PROMETHEUS_PORT REVISION
    SERVED_MODEL_NAME TOKENIZATION_WORKERS UDS_PATH
    """.split()  # noqa: SIM905  # 28 lines otherwise
)
"""Environment variables that TEI reads as flags. They are withheld: `DEFAULT_PROMPT` would change
the vectors, `API_KEY` would shut us out, and it needs no token."""


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a server.

    Attributes:
        model: The model to serve.
        precision: Number format to compute in.
        max_batch_tokens: Most tokens computed at once.
        max_client_batch_size: Most inputs in one request.
        max_concurrent_requests: Most inputs, of all requests together, that may wait or be
            computed; the server refuses more as overloaded.
    """

    model: ResolvedModel
    precision: Precision
    max_batch_tokens: int
    max_client_batch_size: int
    max_concurrent_requests: int


def version() -> str:
    """Return the installed release of TEI, such as `1.9.3`.

    Raises:
        BadInputError: It is not installed, or does not run here.
    """
    command = [_executable(), "--version"]
    try:
        answer = subprocess.run(  # noqa: S603  # the user chose what is on the PATH
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_VERSION_S,
            env=_environment(),
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _does_not_run(str(error)) from error
    found = re.search(rf"^{EXECUTABLE} (\S+)$", answer.stdout, re.MULTILINE)
    if answer.returncode or not found:
        raise _does_not_run(f"{' '.join(command)} says: {answer.stdout.strip() or 'nothing'}")
    return found[1]


class TeiServer:
    """One process of TEI and the folder that it reads. It is never restarted.

    It ends with `close`, when nothing refers to it any more, and when this process ends.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Launch the process; it is ready once its `/health` says so.

        Raises:
            BadInputError: TEI is not installed.
        """
        executable = _executable()
        self.port = free_port()
        self.model_folder = write_model_folder(settings.model)
        flags = _flags(settings, self.model_folder, self.port)
        watched = [sys.executable, "-I", "-S", watchdog.__file__, str(self.model_folder)]
        self._process = subprocess.Popen(  # noqa: S603  # the user chose what is on the PATH
            [*watched, executable, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            encoding="utf-8",
            errors="replace",
            # Ctrl-C reaches every process of a terminal's session; we end this one ourselves.
            start_new_session=True,
        )
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        reader = Thread(target=_keep_lines, args=(self._process.stdout, self._lines), daemon=True)
        reader.start()
        self._stop = weakref.finalize(self, _stop, self._process, reader)

    @property
    def address(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def is_running(self) -> bool:
        """True while the process lives."""
        return self._process.poll() is None

    def lines(self) -> list[str]:
        """Return the last lines that it wrote."""
        return list(self._lines)

    def exit_report(self) -> str:
        """Return the exit status and last lines of a closed server, for an error message."""
        output = "\n".join(self._lines) or "(it wrote nothing)"
        return f"It ended with status {self._process.returncode} after these lines:\n{output}"

    def close(self) -> None:
        """Kill the process if it still lives, for it has nothing to save, and wait for its end."""
        self._stop()
        self._process.wait()  # another thread may be stopping it


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _executable() -> str:
    found = shutil.which(EXECUTABLE)
    if found is None:
        raise BadInputError(
            f"The engine tei runs {EXECUTABLE}, which is not on the PATH. Install Text Embeddings "
            "Inference (https://github.com/huggingface/text-embeddings-inference), run on Modal, "
            "where its image has it, or choose another engine."
        )
    return found


def _flags(settings: ServerSettings, model_folder: Path, port: int) -> list[str]:
    """Return flags for release 1.9.3, spelled out where another release may default otherwise."""
    flags = {
        "--model-id": model_folder,
        "--pooling": settings.model.pooling,
        "--dtype": settings.precision,
        "--hostname": LOOPBACK,
        "--port": port,
        # Bound briefly at the start, though nothing is served there. Its default, 9000, stops a
        # second server on the machine; 0 is any free port.
        "--prometheus-port": 0,
        "--max-batch-tokens": settings.max_batch_tokens,
        "--max-client-batch-size": settings.max_client_batch_size,
        "--max-concurrent-requests": settings.max_concurrent_requests,
    }
    return [str(part) for flag in flags.items() for part in flag]


def _environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in _FLAG_VARIABLES}
    # At its default level TEI writes a line for every request.
    return {**inherited, "LOG_LEVEL": "warn", "NO_COLOR": "1"}


def _keep_lines(output: IO[str], lines: deque[str]) -> None:
    with output:
        lines.extend(line.rstrip() for line in output if line.strip())


def _stop(process: subprocess.Popen[str], reader: Thread) -> None:
    if process.stdin is not None:
        process.stdin.close()  # signals the watchdog
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:  # already killed, but hangs in its driver
        process.kill()
        process.wait()
    reader.join(_STOP_S)


def _does_not_run(reason: str) -> BadInputError:
    return BadInputError(
        f"The engine tei cannot run here: {reason}. Its GPU releases need NVIDIA's driver: choose "
        "another engine, or run on a machine with the driver."
    )
