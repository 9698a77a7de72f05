"""Modal's prices per second: one dated table, so that a figure can be checked.

As published on https://modal.com/pricing, last looked up on 2026-07-01; US dollars,
without the surcharge for chosen regions and without free credits.
"""

from __future__ import annotations

from dataclasses import dataclass

PRICES_AS_OF = "2026-07-01"

GPU_SECOND = {
    "T4": 0.000164,
    "L4": 0.000222,
    "A10G": 0.000306,
    "L40S": 0.000542,
    "A100-40GB": 0.000583,
    "A100-80GB": 0.000694,
    "H100": 0.001097,
    "H200": 0.001261,
    "B200": 0.001736,
}
"""Dollars per second of one GPU, by Modal's name of the type."""

CORE_SECOND = 0.0000131
"""Dollars per second of one physical core."""

GIB_SECOND = 0.00000222
"""Dollars per second of one GiB of memory."""


@dataclass(frozen=True)
class ContainerSize:
    """What one container reserves.

    Attributes:
        cores: Physical processor cores.
        memory_mib: Memory in MiB.
        gpu: GPU type; empty without one.
    """

    cores: float
    memory_mib: int
    gpu: str = ""

    @property
    def cpu(self) -> tuple[float, float]:
        """Modal's `cpu` option: cores to reserve, and an equal limit, as use beyond is billed."""
        return self.cores, self.cores

    @property
    def dollars_per_s(self) -> float:
        """Price of a second.

        Raises:
            KeyError: The table has no such GPU.
        """
        gpu = GPU_SECOND[self.gpu] if self.gpu else 0.0
        return gpu + self.cores * CORE_SECOND + self.memory_mib / 1024 * GIB_SECOND
