"""One question to a container, and its answer, within a time limit."""

from __future__ import annotations

from typing import Any

import modal

from wiki_embeddings.compute.modal_errors import explained
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.progress import duration

_ANSWER_S = 900.0
"""A container answers within seconds once it runs; a GPU may have to be waited for."""


def answer(
    function: modal.Function, what: str, *args: Any, within_s: float = _ANSWER_S, **kwargs: Any
) -> Any:
    """Call a function of the app once and wait for its result.

    Modal starts a container that fails again without end; the limit ends that.

    Args:
        function: The function.
        what: What is asked, to stand after "Modal cannot".
        args: Its arguments.
        within_s: Longest to wait, in seconds.
        kwargs: Likewise.

    Raises:
        WikiEmbeddingsError: There was no answer in time, Modal cannot be reached, or the function
            raised one.
    """
    with explained(what):
        call = function.spawn(*args, **kwargs)
        try:
            return call.get(timeout=within_s)
        except TimeoutError as error:
            call.cancel(terminate_containers=True)
            raise WikiEmbeddingsError(
                f"Modal cannot {what}: no answer within {duration(within_s)}. Its containers may "
                f"fail to start, or none is free; look at {call.get_dashboard_url()}"
            ) from error
        except Exception:
            raise
        except BaseException:  # an interrupt: nothing goes on for a run that is over
            call.cancel(terminate_containers=True)
            raise
