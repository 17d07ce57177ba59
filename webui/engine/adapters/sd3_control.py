"""Controlnets of Stable Diffusion 3: InstantX's, which read the text, and Stability AI's for 3.5 Large, which do not.

InstantX's are told no text as a whole, and their latents are not shifted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.engine.adapters.controlnet import Inputs
from webui.engine.adapters.flow_control import (
    PATCH,
    FlowFamily,
    LoadedFlowControl,
    Said,
    loaded_flow_control,
)
from webui.engine.damage import told_as_damage
from webui.engine.families.denoiser_file import made_of
from webui.engine.families.parts import read_config, read_diffusers
from webui.engine.families.patches import whole_patches
from webui.engine.flow_layout.controls import sd3_control
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights
from webui.weights.flow_control_files import SD3_CHANNELS, SD3_PICTURE


def load_sd3_control(info: AdapterInfo, device: torch.device) -> LoadedFlowControl:
    """Read one: diffusers' folder, or a single file of either layout.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    # With the first one: diffusers takes seconds to import.
    from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel  # noqa: PLC0415

    dtype, path = compute_dtype(device), Path(info.path)
    with told_as_damage(f"The controlnet {info.id!r}", info.path):
        if path.is_dir() and (extra := _masks_untold(path)):
            said = {k: v for k, v in read_config(path, "config.json").items() if k[0] != "_"}
            weights = {
                n: f[n].to(dtype, copy=True)
                for f in map(open_weights, sorted(path.glob("*.safetensors")))
                for n in f
            }
            net: Any = made_of(
                SD3ControlNetModel, {**said, "extra_conditioning_channels": extra}, weights
            )
        elif path.is_dir():
            net = read_diffusers(SD3ControlNetModel, path, dtype)
        else:
            file = open_weights(path)
            config, named = sd3_control({name: file[name].to(dtype, copy=True) for name in file})
            net = made_of(SD3ControlNetModel, config, named)
    return loaded_flow_control(info, net, FAMILY, device)


def _masks_untold(folder: Path) -> int:
    """Channels beside the latent that the weights of a folder take and its configuration does not speak of."""
    config = read_config(folder, "config.json")
    if config.get("extra_conditioning_channels"):
        return 0
    files = (open_weights(file) for file in folder.glob("*.safetensors"))
    taken = [
        file.header.shapes[SD3_PICTURE][1] for file in files if SD3_PICTURE in file.header.shapes
    ]
    return int(taken[0] - config.get("in_channels", SD3_CHANNELS)) if taken else 0


# Any: diffusers' configs are typed loosely.
def _widths(config: Any) -> tuple[object, ...]:
    if config.get("caption_projection_dim") is None:
        return ()
    width = config["num_attention_heads"] * config["attention_head_dim"]
    names = ("in_channels", "joint_attention_dim", "pooled_projection_dim")
    return (width, *(config[name] for name in names))


def _says(
    loaded: LoadedFlowControl,
    unet: nn.Module,
    inputs: Inputs,
    hints: Tensor,
    kind: str,  # noqa: ARG001 - none is a union
) -> Said:
    # Any: diffusers' transformer.
    net, dtype, transformer = loaded.net, loaded.dtype, unet
    assert inputs.pooled is not None
    blocks: Any = transformer
    latent: Tensor = whole_patches(inputs.x, PATCH)
    reads_text = net.config.joint_attention_dim is not None
    pooled = torch.zeros_like(inputs.pooled) if loaded.is_told_no_pooled else inputs.pooled
    (said,) = net(
        hidden_states=latent.to(dtype) if net.config.use_pos_embed else blocks.pos_embed(latent),
        controlnet_cond=whole_patches(hints, PATCH).to(dtype),
        encoder_hidden_states=inputs.tokens.to(dtype) if reads_text else None,
        pooled_projections=pooled.to(dtype),
        timestep=inputs.t,
        return_dict=False,
    )
    count = len(blocks.transformer_blocks)
    spread = [said[i * len(said) // count] for i in range(count)]
    return {"block_controlnet_hidden_states": spread}


FAMILY = FlowFamily("Stable Diffusion 3", _widths, _says)
