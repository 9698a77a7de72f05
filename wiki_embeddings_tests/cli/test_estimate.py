"""The command `estimate`."""

from __future__ import annotations

import json

import pytest

from wiki_embeddings.cli import estimate
from wiki_embeddings.estimate import RunOptions, predict


def test_json_has_seconds_bytes_and_dollars():
    predicted = predict(RunOptions(gpu="A10", containers=50))
    printed = json.loads(estimate.to_json(predicted))
    assert printed["total"]["wall_s"] == pytest.approx(sum(a["wall_s"] for a in printed["assets"]))
    assert printed["total"]["gpu_hours"] == pytest.approx(predicted.total("gpu_s") / 3600)
    assert printed["workload"]["shards"] == len(predicted.workload.shards)
    assert printed["question"]["gpu"] == "A10"
    bases = {figure["basis"] for figure in printed["figures"]}
    assert bases >= {"measured", "published", "assumed"}
