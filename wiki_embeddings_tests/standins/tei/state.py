"""What the handlers of one server share."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wiki_embeddings_tests.standins.tei.arguments import VERSION
from wiki_embeddings_tests.standins.tei.model import ServedModel
from wiki_embeddings_tests.standins.tei.orders import Orders


class ServerState:
    """The model, the orders of the test, and counters that `lock` guards.

    Attributes:
        life: Number of this process, from 0.
        healthy_at: When the server becomes healthy, in seconds of the monotonic clock.
        answered: Notified after each answer.
        answers: Answered requests.
        answering: Requests in progress.
        overloads: Requests still to refuse as overloaded.
        permits: Inputs that the server can still admit.
        requests: Received requests.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        model: ServedModel,
        life: int,
        orders: Orders,
        notes: Path | None,
    ) -> None:
        self.arguments = arguments
        self.model = model
        self.life = life
        self.orders = orders
        self.notes = notes
        self.healthy_at = time.monotonic() + orders.unhealthy_s
        self.lock = threading.Lock()
        self.answered = threading.Condition(self.lock)
        self.answers = 0
        self.answering = 0
        self.overloads = orders.overloaded
        self.permits = int(arguments["max-concurrent-requests"])
        self.requests = 0

    @property
    def info(self) -> Mapping[str, Any]:
        """The answer to `/info`."""
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
