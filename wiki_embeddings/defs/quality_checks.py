"""Checks of how good the embeddings are. A failure warns and stops nothing: nothing is lost.

They run where the embeddings are, and read a sample of a large wiki.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.volume import Volume


def recall_at_10(vectors: Manifest, compute: Compute) -> CheckResult:
    """Search finds articles by their titles and, in the sample, passages by stored questions."""
    from wiki_embeddings.stages import recall_check  # loads Arrow

    return _measured(recall_check.recall_at_10, vectors, compute)


def agrees_with_float32(vectors: Manifest, compute: Compute) -> CheckResult:
    """A hundred random vectors agree with those that the model computes in float32."""
    from wiki_embeddings.stages import precision_check  # loads Arrow

    return _measured(precision_check.agrees_with_float32, vectors, compute)


QUALITY_CHECKS = (recall_at_10, agrees_with_float32)


def _measured(
    measure: Callable[[Volume, str], CheckResult], vectors: Manifest, compute: Compute
) -> CheckResult:
    """Measure on the compute; what cannot be measured has not passed."""
    try:
        return compute.call(measure, vectors.folder)
    except BadInputError as error:
        return CheckResult(False, f"This could not be measured: {error}", {})
