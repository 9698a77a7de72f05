"""What tests of several parts of a card need: facts, and ways to read a card."""

from __future__ import annotations

import dataclasses
import re

import yaml

from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS

REPO_ID = "ada/wikipedia-simple-tiny-model"

MINILM = {"model": DEFAULT_MODEL, "revision": KNOWN_MODELS[DEFAULT_MODEL].revision}

THROUGHPUT = {
    "passages": 20,
    "passages_per_second": 27.94,
    "tokens_per_second": 6147.2,
    "characters_per_second": 29251.6,
    "seconds": 67.3,
    "machine": "this machine, 2 cores",
    "gpu": "",
    "dollars": None,
    "prices_as_of": "2026-07-01",
}


def with_settings(vectors, stage, **settings):
    """The same embeddings, made with other settings of one stage."""
    return dataclasses.replace(
        vectors, settings={**vectors.settings, stage: {**vectors.settings[stage], **settings}}
    )


def with_rows(vectors, rows):
    """The same embeddings, as if there were more of them."""
    return dataclasses.replace(vectors, files=(dataclasses.replace(vectors.files[0], rows=rows),))


def with_lengths(vectors, *histograms):
    """The same embeddings with the lengths of their passages, file by file."""
    files = (
        dataclasses.replace(file, stats={**file.stats, "tokens_histogram": list(counts)})
        for file, counts in zip(vectors.files, histograms, strict=True)
    )
    return dataclasses.replace(vectors, files=tuple(files))


def section(text, heading):
    """The text below a heading."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def markdown(text):
    return text.split("---\n", 2)[2]
