"""Knows the folders of the family by their index and by the shape of their network's first layer."""

import json
from collections.abc import Mapping

from webui.hooks.specs import hookimpl
from webui.weights.signatures.facts import Describe, Facts, No, WeightsFile

from .about import DDPM

PIPELINES = ("DDPMPipeline", "DDIMPipeline", "PNDMPipeline")
LEAST = 64
"""Pixels of a side that the studio draws at least."""


@hookimpl
def families() -> Mapping[str, Describe]:
    """One."""
    return {DDPM: describe}


def describe(file: WeightsFile) -> Facts | No:
    """The folder's facts; it draws what it was trained on, of its own size."""
    if file.index.get("_class_name") not in PIPELINES:
        return No(f"It is no folder of {', '.join(PIPELINES)}.")
    first = file.header.shape("unet.conv_in.weight")
    if first is None or first[1] != 3:
        return No(f"Its network begins with {first}; a layer of three colours was expected.")
    size = json.loads((file.path / "unet" / "config.json").read_text("utf-8")).get("sample_size")
    if not isinstance(size, int) or size < LEAST:
        return No(f"It draws {size} pixels; at least {LEAST} are drawn here.")
    return Facts("unconditional", "epsilon", latent_channels=3, latent_factor=1, native_size=size, reads_text=False)
