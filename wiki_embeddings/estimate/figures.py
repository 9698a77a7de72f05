"""Figures with their provenance: the rates, starting times and sizes on disk of an estimate.

Measured on 2026-11-23 on two cores of an AMD EPYC with AVX2, unless a figure says otherwise, in
processor time, which other work on the machine hardly changes. A core of a container is assumed to
be as fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Basis: TypeAlias = Literal["measured", "published", "given", "predicted", "assumed"]
"""Measured by this project; published by others; given by the user; predicted by arithmetic from
such figures; or assumed, if none of these exists."""


@dataclass(frozen=True)
class Figure:
    """A number and its provenance, so that nobody takes an assumption for a measurement.

    Attributes:
        value: The number.
        unit: What it counts, to be printed after it.
        basis: How firm it is.
        source: Date, hardware and command; a publication; or the arithmetic.
    """

    value: float
    unit: str
    basis: Basis
    source: str


def _measured(
    value: float, unit: str, work: str, where: str = "2026-11-23, a core of an AMD EPYC"
) -> Figure:
    return Figure(value, unit, "measured", f"{where}, {work}")


def assumed(value: float, unit: str, reason: str) -> Figure:
    """Return a figure that is neither measured nor published."""
    return Figure(value, unit, "assumed", reason)


_TARGET = "this project's own target"

_INDEX_RUNS = "2026-11-26, a core of an Intel Xeon"

CONVERT = _measured(0.82e6, "characters/s of a core, from wikitext", "the sample's dump")
READ_ARTICLES = _measured(
    85e6,
    "bytes of text/s of a core, checked and written",
    "34 MB of the sample in the Hub's layout",
)
CHUNK = _measured(
    4.7e6, "characters/s of a core, chunked, written and counted", "a shard of 16 MiB in the stage"
)
PUBLISH = _measured(22e6, "bytes/s of a core, written and counted", "18,008 rows of 384 dimensions")

COMPARE = _measured(
    49e9,
    "operations/s of a core, comparing vectors with centroids",
    "13,000 rows of 384 dimensions with 16,384 centroids in 3.4 s",
    _INDEX_RUNS,
)
ENCODE_ROWS = _measured(
    26_000,
    "rows/s of a core, read and encoded for the index",
    "13,000 rows in 0.5 s beside the comparing",
    _INDEX_RUNS,
)
SAMPLE_ROWS = _measured(
    80_000,
    "rows/s of a core, read to find centroids",
    "1,000,000 rows in 13 s, `python -m benchmarks.index_reading`",
    _INDEX_RUNS,
)
GATHER = _measured(
    670e6,
    "bytes of codes/s of a core, read for each file of the index",
    "200 shards of 13,000 codes in 16,384 lists",
    _INDEX_RUNS,
)
ASK = _measured(6.7, "questions/s, to measure the index", "0.15 s for each of 1,000", _INDEX_RUNS)

DOWNLOAD_SHARE = Figure(
    0.59,
    "bytes to download for a byte of an edition",
    "published",
    "the card of wikimedia/wikipedia: 0.57 for French, 0.59 for Finnish, 0.62 for Chinese",
)
MODAL_DOWNLOAD = assumed(
    50e6, "bytes/s from the Hub, each container", "nothing has been fetched from Modal"
)
LOCAL_DOWNLOAD = assumed(12.5e6, "bytes/s from the Hub, all downloads", "a line of 100 Mbit/s")

CPU_START = assumed(5.0, "s until a container without a GPU works", "none has been started")
GPU_START = assumed(15.0, "s until a container encodes", _TARGET)
TEI_START = assumed(
    30.0, "s until a container encodes", "the server starts and warms up; none has been started"
)
LOCAL_START = assumed(2.0, "s until local workers work", "the model loads in 0.45 s, measured")

MODAL_OVERHEAD = assumed(30.0, "s of checks around each map", "none has been made on Modal")
LOCAL_OVERHEAD = assumed(1.0, "s of checks around each map", "small beside the rest")

IDLE_S = 60.0
"""Seconds for which Modal keeps a container after its last shard, and bills it."""

CPU_CORE = Figure(
    108e9,
    "operations/s a core in int8",
    "measured",
    "2026-11-23, two cores of an AMD EPYC with AVX2, `python -m benchmarks.encoders`: 42.1 "
    "passages/s of 222 tokens, 23.3 M operations a token, over two cores",
)
"""Of the engine `cpu`. Other processors have other rates; float32 reaches two thirds of it."""

TEI_A10 = Figure(
    217_344.0,
    "characters/s of an A10G",
    "published",
    "567-labs' full run of English Wikipedia with bge-small-en-v1.5, 21,734,383 characters/s on "
    "100 A10G for 885 s; its one driver process held the GPUs back",
)
"""Of the engine `tei`, which has no such process here and so should be faster."""

UTILIZATION = assumed(
    0.25, "of a GPU's half-precision rate", f"{_TARGET}; an H100 does more, others are not measured"
)

HOPPER_UTILIZATION: Mapping[float, float] = {23.3e6: 0.31, 46.6e6: 0.335, 178e6: 0.48, 622e6: 0.53}
"""Share of an H100's half-precision rate, by the model's operations a token.

Measured on 2026-11-26 on one H100 80GB HBM3 from disk to disk with the shapes of MiniLM-L6 (13.2 M
tokens/s), bge-small (7.2 M), bge-base (2.67 M) and bge-large (0.85 M); see docs/performance.md.
With mean pooling, bge-small's shape does 8 % less. An H200 has the same processor, and faster
memory.
"""

HALF_PRECISION_TFLOPS: Mapping[str, float] = {
    "T4": 65.0,
    "L4": 121.0,
    "A10": 70.0,
    "L40S": 362.0,
    "A100-40GB": 312.0,
    "A100-80GB": 312.0,
    "RTX-PRO-6000": 500.0,
    "H100": 989.0,
    "H200": 989.0,
    "B200": 2250.0,
}
"""Dense operations in half precision, 10¹² a second, by Modal's names of the GPUs.

From NVIDIA's datasheets of the SXM or PCIe card that clouds offer, without the factor of two for
sparse matrices. Modal's A10 is Amazon's own variant, the A10G. Public code uses both 70 and the
A10's 125 for it; the lower one fits its hardware (72 SMs at 1.7 GHz that accumulate in single
precision at half rate). A prediction too slow by a factor of 1.8 does less harm than one too fast.
"""

# Bytes on disk, from the sample's files of 2026-11-26 (zstd).
TEXT_SHARE = 0.42  # of a byte of English text
TOKEN_BYTES = 1.65  # of a token id, stored as uint16
VECTOR_SHARE = 0.92  # of the two bytes of a half-precision number: vectors hardly compress
ROW_BYTES = 33  # of a chunk's other columns, half of them its hash
ARTICLE_BYTES = 120  # of an article's other columns; 180 in the sample, which has many headings
