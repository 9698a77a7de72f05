"""A figure and what it rests on, so that nobody takes an assumption for a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Basis: TypeAlias = Literal["measured", "published", "predicted", "assumed", "given"]
"""Measured by this project; published by others; predicted by arithmetic from such figures;
assumed, because neither is there; or given by whoever asks."""


@dataclass(frozen=True)
class Figure:
    """A figure that an estimate rests on.

    Attributes:
        value: The figure.
        unit: What it counts, to stand behind it.
        basis: What it rests on.
        source: Where it is from: date, hardware and command; a publication; or the arithmetic.
    """

    value: float
    unit: str
    basis: Basis
    source: str

    def line(self) -> str:
        """The figure for people, in one line."""
        return f"{_rounded(self.value)} {self.unit}: {self.source}"


def _rounded(value: float) -> str:
    """Four digits are more than any of these figures is good for."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
