"""The HTTP server, and what its handlers share."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from wiki_embeddings_tests.standins.tei.arguments import VERSION
from wiki_embeddings_tests.standins.tei.handler import Handler
from wiki_embeddings_tests.standins.tei.model import ServedModel
from wiki_embeddings_tests.standins.tei.orders import Orders


class TeiProcess(ThreadingHTTPServer):
    """The server, and all that its handlers share."""

    daemon_threads = True

    def __init__(
        self,
        arguments: Mapping[str, Any],
        model: ServedModel,
        life: int,
        orders: Orders,
        notes: Path | None,
    ) -> None:
        """Bind the port; the model is loaded by then."""
        self.arguments = arguments
        self.model = model
        self.life = life
        self.orders = orders
        self.notes = notes
        self.healthy_at = time.monotonic() + orders.unhealthy_s
        self.lock = threading.Lock()
        self.answered = threading.Condition(self.lock)
        self.answers = 0
        self.permits = int(arguments["max-concurrent-requests"])
        self.requests = 0
        self.answering = 0
        self.overloads = orders.overloaded
        super().__init__((arguments["hostname"], arguments["port"]), Handler)

    @property
    def info(self) -> Mapping[str, Any]:
        """What `/info` answers."""
        arguments = self.arguments
        return {
            "model_id": arguments["model-id"],
            "model_sha": arguments["revision"],
            "model_dtype": self.model.dtype,
            "served_model_name": arguments["served-model-name"] or arguments["model-id"],
            "model_type": {"embedding": {"pooling": self.model.pooling}},
            "max_concurrent_requests": arguments["max-concurrent-requests"],
            "max_input_length": self.model.max_input_length,
            "max_batch_tokens": arguments["max-batch-tokens"],
            "max_batch_requests": arguments["max-batch-requests"],
            "max_client_batch_size": arguments["max-client-batch-size"],
            "auto_truncate": arguments["auto-truncate"],
            "tokenization_workers": 1,
            "version": VERSION,
            "sha": None,
            "docker_label": None,
            **self.orders.info,
        }
