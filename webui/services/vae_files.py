"""What the header of a first stage's (VAE's) file says of it."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.known_files import read_drawable
from webui.weights.taesd_files import base_of, latent_channels, taesd_names

_MARKS = ("decoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight")
"""Of the original layout and diffusers', and of one cut out of a checkpoint."""


def describe_vae(file: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what the menu needs of a first stage's file; None of TAESD's encoder, a part of another file's.

    Raises:
        NotAModel: it is none.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_drawable(file)
    path = str(file.resolve())
    if channels := latent_channels(header.shapes):
        base = base_of(adapter, channels)
        return AdapterInfo(
            adapter, "vae", file.stem, path, header.bytes, base=base, is_tiny=True
        )  # fmt: skip
    if taesd_names(header.shapes):
        return None
    if not any(mark in header.tensors for mark in _MARKS):
        raise NotAModel(
            f"It lies in a folder of VAEs, but is no TAESD and holds neither {' nor '.join(map(repr, _MARKS))}."
        )
    return AdapterInfo(adapter, "vae", file.stem, path, header.bytes)
