"""Values of options and arguments that several commands read alike."""

from __future__ import annotations

import click

from wiki_embeddings.compute.modal.prices import gpu_name


class Text(click.ParamType):
    """Text that is not blank: an unset variable in a shell is no choice of a default."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is blank, or was no text in the terminal's encoding."""
        if not value.strip():
            self.fail("it is empty.", param, ctx)
        if not value.isprintable() and any(0xDC80 <= ord(letter) <= 0xDCFF for letter in value):
            self.fail("it is not text in this terminal's encoding.", param, ctx)
        return value


class GpuType(Text):
    """A GPU type of Modal's, in any case and with hyphens or underscores."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return Modal's spelling, also of a type that this project does not know."""
        return gpu_name(super().convert(value, param, ctx))


TEXT = Text()
GPU_TYPE = GpuType()
