from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings.stages.embedding_map import nearest_articles, principal_components
from wiki_embeddings.stages.vector_sample import VectorSample


def test_two_components_keep_all_of_what_varies_in_two_directions():
    random = np.random.default_rng(1)
    plane = random.normal(size=(50, 2)).astype(np.float32) * [3.0, 1.0]
    directions = np.linalg.qr(random.normal(size=(8, 8)))[0][:2]
    points, share = principal_components((plane @ directions + 5.0).astype(np.float32))
    assert share == pytest.approx(1.0, abs=1e-5)

    def distances(of: np.ndarray) -> np.ndarray:
        return np.linalg.norm(of[:, None] - of[None], axis=-1)

    np.testing.assert_allclose(distances(points), distances(plane), atol=1e-3)
    assert points[:, 0].std() > points[:, 1].std()


def test_an_article_is_nearest_to_those_in_its_direction_and_not_to_itself():
    angles = np.radians([0.0, 10.0, 30.0, 180.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    sample = VectorSample(["A", "B", "C", "D"], np.array([True] * 4), vectors)
    first = nearest_articles(sample)[0]
    assert first.title == "A"
    assert [title for title, _ in first.nearest] == ["B", "C"]
    assert first.nearest[0][1] == pytest.approx(np.cos(np.radians(10.0)))
    alone = VectorSample(["A"], np.array([True]), vectors[:1])
    assert nearest_articles(alone)[0].nearest == ()
