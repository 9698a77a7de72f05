"""Embeddings to look at: a map of a sample, and what is nearest to some articles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.pictures.point_map import point_map
from wiki_embeddings.stages.vector_sample import VectorSample, sample_vectors
from wiki_embeddings.volume import Volume

_POINTS = 2000
"""Enough to show where a wiki is dense; a picture of 30 KB."""

_ARTICLES = 8
_NEIGHBOURS = 2


@dataclass(frozen=True)
class Neighbours:
    """The articles nearest to one, by the cosine of their first chunks.

    Attributes:
        title: Title of the article.
        nearest: Title and cosine of others in the sample, nearest first.
    """

    title: str
    nearest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class EmbeddingMap:
    """What to look at.

    Attributes:
        picture: The map, as SVG.
        points: Chunks on it.
        variance: Share of the sample's variance that the two dimensions keep, from 0 to 1.
        neighbours: Neighbours of some articles.
    """

    picture: str
    points: int
    variance: float
    neighbours: tuple[Neighbours, ...]


def draw_map(volume: Volume, folder: str) -> EmbeddingMap | None:
    """Draw a map of embeddings by their two principal components.

    Args:
        volume: Where they are.
        folder: Reference of their folder.

    Returns:
        The map; None of fewer than three chunks.
    """
    manifest = existing_manifest(volume, folder)
    if manifest.rows < 3:
        return None
    drawn = sample_vectors(volume, manifest, _POINTS)
    order = np.argsort(~drawn.is_lead, kind="stable")  # names are written at first chunks
    sample = drawn.select(order)
    points, variance = principal_components(sample.vectors)
    names = [
        title if lead else "" for title, lead in zip(sample.titles, sample.is_lead, strict=True)
    ]
    title = f"A map of {len(names):,} of {manifest.rows:,} chunks"
    caption = f"By their two principal components ({variance:.0%} of the variance)"
    picture = point_map([(float(x), float(y)) for x, y in points], names, title, caption)
    return EmbeddingMap(picture, len(names), variance, nearest_articles(sample))


def principal_components(
    vectors: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], float]:
    """Project vectors on the two directions in which they vary most.

    Args:
        vectors: Of shape `(n, dimensions)`, with two dimensions at least.

    Returns:
        Coordinates of shape `(n, 2)`, and the share of the variance that they keep.
    """
    centred = vectors - vectors.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    main = directions[:, :-3:-1]
    # The sign of a direction is arbitrary; this one is the same on every machine.
    main = main * np.sign(main[np.abs(main).argmax(axis=0), [0, 1]])
    share = float(variances[-2:].sum() / max(variances.sum(), np.finfo(np.float32).tiny))
    return centred @ main, share


def nearest_articles(sample: VectorSample) -> tuple[Neighbours, ...]:
    """Find the articles nearest to some of a sample, by their first chunks."""
    articles = sample.select(np.flatnonzero(sample.is_lead))
    count = len(articles.titles)
    asked = np.arange(min(_ARTICLES, count)) * count // max(1, min(_ARTICLES, count))
    cosines = articles.vectors[asked] @ articles.vectors.T
    cosines[np.arange(len(asked)), asked] = -np.inf
    found = []
    for row, article in enumerate(asked):
        nearest = np.argsort(-cosines[row], kind="stable")[: min(_NEIGHBOURS, count - 1)]
        pairs = tuple((articles.titles[other], float(cosines[row, other])) for other in nearest)
        found.append(Neighbours(articles.titles[article], pairs))
    return tuple(found)
