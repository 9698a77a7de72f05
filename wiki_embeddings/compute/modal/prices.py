"""Modal's GPU types and prices per second: one dated table, so that a figure can be checked.

As published on https://modal.com/pricing, last looked up on 2026-07-01; US dollars,
without the surcharge for chosen regions and without free credits. The names are those of
https://modal.com/docs/guide/gpu.
"""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.errors import BadInputError

PRICES_AS_OF = "2026-07-01"

GPU_SECOND = {
    "T4": 0.000164,
    "L4": 0.000222,
    "A10": 0.000306,
    "L40S": 0.000542,
    "A100-40GB": 0.000583,
    "A100-80GB": 0.000694,
    "RTX-PRO-6000": 0.000842,
    "H100": 0.001097,
    "H200": 0.001261,
    "B200": 0.001736,
}
"""Dollars per second of one GPU, by Modal's name of the type."""

_OTHER_NAMES = {
    "A10G": "A10",  # as Modal called it until 2025
    "A100": "A100-40GB",  # which Modal may replace with 80 GB at the same price
    "H100!": "H100",  # never replaced with an H200
    "B200+": "B200",  # or a B300, at the same price
}
"""Names that Modal accepts too, with the type whose price they have."""

GPUS_AT_ONCE = {"Starter": 10, "Team": 50}
"""Most GPUs of a workspace at once, by Modal's plans: the free one, and the one with a monthly fee.
Modal keeps the other containers waiting."""

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
    def dollars_per_s(self) -> float | None:
        """Price of a second; None for a GPU whose price the table does not have."""
        gpu = gpu_dollars_per_s(self.gpu) if self.gpu else 0.0
        rest = self.cores * CORE_SECOND + self.memory_mib / 1024 * GIB_SECOND
        return None if gpu is None else gpu + rest


def gpu_name(spelling: str) -> str:
    """Return a GPU type as Modal spells it: capital letters and hyphens.

    Modal decides which types there are, so a name that is not in the table is returned as well.

    Args:
        spelling: The name, in any case and with hyphens or underscores; `A10G` means `A10`.

    Raises:
        BadInputError: It asks for several GPUs a container, of which an encoder uses one.
    """
    name = spelling.strip().upper().replace("_", "-")
    if ":" in name:
        raise BadInputError(
            f"The GPU is {spelling!r}, but each container uses one: ask for "
            f"{name.partition(':')[0]} and more containers."
        )
    return "A10" if name == "A10G" else name


def gpu_dollars_per_s(name: str) -> float | None:
    """Return the price of a second of a GPU type; None if the table does not have it."""
    return GPU_SECOND.get(_OTHER_NAMES.get(name, name))
