"""What the header of a first stage's (VAE's) file says of it."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.weights.read import read_weights

_MARKS = (
    "decoder.conv_in.weight",
    "first_stage_model.decoder.conv_in.weight",
    "decoder.layers.0.weight",
)
"""Of the original layout and diffusers', of one cut out of a checkpoint, of TAESD."""


def describe_vae(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of a first stage's file.

    Raises:
        NotAModel: it is none.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_weights(file)
    if not any(mark in header.tensors for mark in _MARKS):
        raise NotAModel(
            f"It lies in a folder of VAEs, but holds neither {' nor '.join(map(repr, _MARKS))}."
        )
    return AdapterInfo(adapter, "vae", file.stem, str(file.resolve()), header.bytes)
