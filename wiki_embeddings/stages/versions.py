"""The version of each stage: raised when the same input would come out differently.

Part of the digest that names a stage's output folder, and each asset's `code_version`. Dagster
loads these when it starts, so they stand apart from the stages, which load Arrow.
"""

from __future__ import annotations

FETCH = "2"
CHUNK = "2"
EMBED = "2"
DATASET = "3"
INDEX = "1"
