"""Stable Diffusion's x4 upscaler: what sets it apart from Stable Diffusion 2.

It draws in latents of a quarter of the picture's size under the small picture, which has noise of a level that the
network looks up in a table. Numbers are those of the published configuration (`x4-upscaling.yaml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.parts import noise_levels, part_folder, read_config
from webui.engine.small_picture import SmallPictureNoise

SCALE = 0.08333
BETAS: Mapping[str, str | float] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.0001,
    "beta_end": 0.02,
}
"""Of the latent and of the small picture."""
MOST_NOISE = 350


def published_noise() -> SmallPictureNoise:
    """The small picture's noise where no file says."""
    return SmallPictureNoise(noise_levels(dict(BETAS)), MOST_NOISE)


def noise_of_folder(checkpoint: CheckpointInfo) -> SmallPictureNoise:
    """The small picture's noise as a diffusers folder has it.

    Raises:
        OSError: a file is missing.
        ValueError: a file is not as it should be.
    """
    folder = part_folder(checkpoint, "low_res_scheduler")
    levels = noise_levels(read_config(folder, "scheduler_config.json"))
    index = read_config(Path(checkpoint.path), "model_index.json")
    most = int(index.get("max_noise_level", MOST_NOISE))
    if not 0 <= most < levels.count:
        raise ValueError(f"its max_noise_level is {most}; 0 to {levels.count - 1} was expected")
    return SmallPictureNoise(levels, most)


def look_up_whole_labels(unet: nn.Module) -> None:
    """Let labels, which come as float32, into a network's table of embeddings, if it has one."""
    table = getattr(unet, "class_embedding", None)
    if isinstance(table, nn.Embedding):
        table.register_forward_pre_hook(_whole)


def _whole(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:  # noqa: ARG001
    return (inputs[0].long(),)
