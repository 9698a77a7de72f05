"""Sizes for people, in powers of ten as disks and the Hub count them."""

from __future__ import annotations


def size(count: float) -> str:
    """Format a number of bytes: `4.2 MB`, `74.6 GB`."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
