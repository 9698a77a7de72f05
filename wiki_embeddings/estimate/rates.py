"""How fast the other stages are, how long containers take to start, and what a row takes to store.

Measured on 2026-11-23 on two cores of an AMD EPYC with AVX2 by the processor's time, which other
work on the machine does not change much; a core in a container is supposed to be as fast.
"""

from __future__ import annotations

from wiki_embeddings.estimate.figures import Figure

_HERE = "2026-11-23, a core of an AMD EPYC"

CONVERT = Figure(
    0.82e6, "characters/s of a core, from wikitext", "measured", f"{_HERE}, the sample's dump"
)

READ_ARTICLES = Figure(
    85e6,
    "bytes of text/s of a core, checked and written",
    "measured",
    f"{_HERE}, 34 MB of the sample laid out as the Hub's files are",
)

DOWNLOAD_SHARE = Figure(
    0.59,
    "bytes to download for a byte of an edition",
    "published",
    "the card of wikimedia/wikipedia: 0.57 for French, 0.59 for Finnish, 0.62 for Chinese",
)

CLOUD_DOWNLOAD = Figure(
    50e6, "bytes/s from the Hub, each container", "assumed", "nothing has been fetched from Modal"
)

LOCAL_DOWNLOAD = Figure(
    12.5e6, "bytes/s from the Hub, all downloads", "assumed", "a line of 100 Mbit/s"
)

CUT = Figure(
    4.7e6,
    "characters/s of a core, cut, written and counted",
    "measured",
    f"{_HERE}, a shard of 16 MiB through the stage",
)

PUBLISH = Figure(
    22e6,
    "bytes/s of a core, written and counted",
    "measured",
    f"{_HERE}, 18,008 rows of 384 dimensions",
)

CPU_START = Figure(5.0, "s until a container without a GPU works", "assumed", "none was started")

GPU_START = Figure(
    15.0, "s until a container encodes", "assumed", "the bar that this project has set itself"
)

TEI_START = Figure(
    30.0, "s until a container encodes", "assumed", "the server starts and warms up; none has yet"
)

LOCAL_START = Figure(
    2.0, "s until workers work here", "assumed", "the model is loaded in 0.45 s, measured"
)

CLOUD_QUESTIONS = Figure(
    30.0, "s of questions and checks around each map", "assumed", "none has been asked of Modal"
)

LOCAL_QUESTIONS = Figure(1.0, "s of checks around each map", "assumed", "small beside the rest")

IDLE_S = 60.0
"""Modal keeps a container so long after its last shard, and bills it."""

# Bytes on disk, from the sample's files of 2026-11-23 (zstd): what a shard's columns take.

TEXT_SHARE = 0.42
"""Of a byte of English text."""

TOKEN_BYTES = 1.65
"""Of a token id, stored as uint16."""

VECTOR_SHARE = 0.92
"""Of the two bytes of a half-precision number: vectors hardly compress."""

ROW_BYTES = 27
"""Of the other columns of a chunk; two thirds of it are its hash."""

ARTICLE_BYTES = 60
"""Of an article's id, address and title."""
