from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings.vector_index.quantization import (
    RELATIVE_ERROR,
    choose_step,
    encode,
    estimate,
    levels,
    nearest_centroids,
    quantize,
    sign_table,
)


def unit_vectors(seed: int, rows: int, dimensions: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("dimensions", [8, 384, 768, 1024, 4096])
def test_dot_products_stay_within_what_float32_holds_exactly(dimensions):
    assert 0 < levels(dimensions) <= 127
    assert levels(dimensions) ** 2 * dimensions <= 2**24


def test_the_nearest_centroid_does_not_depend_on_the_order_of_summation():
    vectors = quantize(unit_vectors(0, 500, 384), choose_step(unit_vectors(0, 500, 384)))
    shuffled = np.random.default_rng(1).permutation(384)
    found = nearest_centroids(vectors, vectors[:40])
    assert (found == nearest_centroids(vectors[:, shuffled], vectors[:40, shuffled])).all()
    assert (found[:40] == np.arange(40)).all()


def test_of_equal_centroids_the_first_is_nearest():
    vectors = np.ones((3, 8), np.int8)
    assert nearest_centroids(vectors, np.ones((5, 8), np.int8)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dimensions", [12, 384])
def test_estimates_are_unbiased_and_as_exact_as_said(dimensions):
    vectors, questions = unit_vectors(2, 3000, dimensions), unit_vectors(3, 50, dimensions)
    step = choose_step(vectors)
    integers = quantize(vectors, step)
    centroids = np.roll(integers, 1, axis=0)
    codes, scales = encode(integers, centroids, step)
    assert codes.shape == (3000, -(-dimensions // 8))
    errors = []
    for question in questions:
        residual = estimate(sign_table(question), codes) * scales.astype(np.float32)
        estimated = centroids @ question * step + residual
        errors.append((estimated - vectors @ question) / np.maximum(scales, 1e-6))
    assert abs(np.mean(errors)) < 0.02
    if dimensions > 100:  # in few dimensions a residual is hardly normal
        assert np.std(errors) == pytest.approx(RELATIVE_ERROR, rel=0.05)


def test_a_vector_that_is_its_centroid_has_no_residual():
    vectors = np.ones((1, 16), np.int8)
    _, scales = encode(vectors, vectors, 0.1)
    assert scales.tolist() == [0.0]


def test_signs_are_added_up_as_they_are_packed():
    question = np.arange(10, dtype=np.float32)
    signs = np.random.default_rng(5).integers(0, 2, (7, 10)).astype(np.uint8)
    expected = (signs * 2.0 - 1) @ question
    assert estimate(sign_table(question), np.packbits(signs, axis=1)) == pytest.approx(expected)
