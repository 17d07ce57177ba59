"""Controlnets (Zhang et al. 2023): a network that reads a picture and steers a UNet.

It has the encoder half of a UNet, is shown the same latent and text and a hint picture, and what it
says is added to the connections between the UNet's two halves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.union_kinds import USUAL, type_of
from webui.engine.damage import told_as_damage
from webui.engine.families.parts import read_diffusers, ready
from webui.engine.packed.on_processor import quicken
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.weights import open_weights
from webui.weights.control_files import control_names, control_shape


@dataclass(frozen=True, eq=False)
class LoadedControl:
    """A controlnet in memory."""

    info: AdapterInfo
    net: nn.Module
    dtype: torch.dtype
    latent_channels: int
    factor: int
    """Pixels of the hint per latent cell along a side."""
    widths: tuple[object, ...]
    """Of its levels and of the text tokens; those of the UNet that it steers."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""

    def check_fits(self, unet: nn.Module, latent_channels: int) -> None:
        """See that it can steer this UNet on latents of so many channels.

        Raises:
            JobFailed: it is made for another.
        """
        if not hasattr(unet.config, "block_out_channels"):
            raise JobFailed(
                f"The controlnet {self.info.id!r} steers a UNet, and this model has none. Take it out, or "
                "choose the model that it was trained on."
            )
        wanted = (latent_channels, *widths_of(unet.config))
        if (self.latent_channels, *self.widths) != wanted:
            raise JobFailed(
                f"The controlnet {self.info.id!r} is made for another model: the widths of its "
                f"latents, levels and text are {(self.latent_channels, *self.widths)}, those of "
                f"this model are {wanted}. "
                "Take it out, or choose the model that it was trained on."
            )


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a UNet, and with it a controlnet, is shown."""

    x: Tensor
    """(R, C, h, w); a controlnet reads the latent, which are its first channels."""
    t: Tensor
    """(R,)."""
    tokens: Tensor
    """(R, T, D)."""
    pooled: Tensor | None = None
    """(R, P), as in `Predict`."""
    sizes: Tensor | None = None
    """(R, N), as in `Predict`."""
    label: Tensor | None = None
    """(R,), as in `Predict`."""

    def added(self, dtype: torch.dtype) -> dict[str, Tensor] | None:
        """What an SDXL network embeds beside the timestep, by diffusers' names; None for all others."""
        if self.pooled is None or self.sizes is None:
            return None
        return {"text_embeds": self.pooled.to(dtype), "time_ids": self.sizes}


def kind_of(info: AdapterInfo, asked: str) -> str:
    """What a picture is that is said to be `asked`; empty where a controlnet reads one kind alone.

    Raises:
        JobFailed: it does not read this kind.
    """
    kinds = info.kinds
    if not kinds:
        return ""
    kind = asked or (info.reads if info.reads in kinds else USUAL)
    if kind not in kinds:
        raise JobFailed(
            f"The controlnet {info.id!r} is shown {kind[:50]!r}; it reads {', '.join(kinds)}."
        )
    return kind


# Any: diffusers' configs are typed loosely.
def widths_of(config: Any) -> tuple[object, ...]:
    """What a controlnet and its UNet must have in common."""
    width = config.cross_attention_dim
    return *config.block_out_channels, tuple(width) if isinstance(width, list) else width


def load_control(info: AdapterInfo, device: torch.device) -> LoadedControl:
    """Read a controlnet: diffusers' folder, or a single file of either layout.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    # With the first controlnet: diffusers takes seconds to import.
    from diffusers.models.controlnets.controlnet import ControlNetModel  # noqa: PLC0415
    from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel  # noqa: PLC0415

    kind: Any = ControlNetUnionModel if info.kinds else ControlNetModel
    dtype = compute_dtype(device)
    with told_as_damage(f"The controlnet {info.id!r}", info.path):
        path = Path(info.path)
        if path.is_file():
            net = _from_file(path, kind).to(dtype)
        else:
            net = read_diffusers(kind, path, dtype)
    return loaded_control(info, net, device)


# Any: diffusers' class.
def loaded_control(info: AdapterInfo, net: Any, device: torch.device) -> LoadedControl:
    """A controlnet of diffusers, in the precision that is computed in, made ready on its device."""
    net = ready(net, Place(device))
    size = network_bytes(net)
    quicken(net)
    return LoadedControl(
        info=info,
        net=net,
        dtype=compute_dtype(device),
        latent_channels=int(net.config.in_channels),
        factor=2 ** (len(net.config.conditioning_embedding_out_channels) - 1),
        widths=widths_of(net.config),
        bytes=size,
    )


# Any: diffusers' class, which is imported late.
def _from_file(path: Path, kind: Any) -> Any:
    """A network in the precision of its file."""
    file = open_weights(path)
    shape = control_shape(file.header.shapes)
    crossed = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in shape.depths]
    added: dict[str, Any] = {} if shape.label_numbers is None else {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": shape.number_width,
        "projection_class_embeddings_input_dim": shape.label_numbers,
    }  # fmt: skip
    middle = "UNetMidBlock2DCrossAttn" if shape.middle_depth else "UNetMidBlock2D"
    added |= {} if shape.types else {"mid_block_type": middle}
    if shape.types:
        added |= {
            "num_control_type": shape.types, "num_trans_channel": shape.mixing_width,
            "num_trans_layer": shape.mixing_layers, "num_proj_channel": shape.channels[0],
        }  # fmt: skip
    net = kind(
        in_channels=shape.latent_channels,
        block_out_channels=shape.channels,
        down_block_types=tuple(crossed),
        layers_per_block=shape.layers,
        cross_attention_dim=shape.text_width,
        attention_head_dim=shape.heads,
        transformer_layers_per_block=tuple(depth or 1 for depth in shape.depths),
        use_linear_projection=shape.linear_projection,
        norm_num_groups=min(32, *shape.channels),
        conditioning_embedding_out_channels=shape.hint_channels,
        **added,
    )
    parameters = {name.replace(".", "_"): name for name in net.state_dict()}
    state = {}
    for ours, theirs in control_names(file.header.shapes).items():
        name = parameters.get(ours.replace(".", "_"))
        if name is not None:
            state[name] = file[theirs]
    net.load_state_dict(state, strict=True)
    return net


def says(
    net: LoadedControl, inputs: Inputs, hints: Tensor, kind: str = ""
) -> tuple[list[Tensor], Tensor]:
    """What a controlnet says of pictures (R, 3, h * factor, w * factor), which a union is told the kind of.

    Returns:
        What is added to the UNet's connections, (R, C_i, h_i, w_i) each, and to its middle.
    """
    hints = hints.to(net.dtype, memory_format=torch.channels_last)
    shown: dict[str, Any] = {"controlnet_cond": hints}
    if net.info.kinds:
        number = type_of(kind)
        config: Any = net.net.config
        types = hints.new_zeros(len(hints), config.num_control_type)
        types[:, number] = 1
        shown = {
            "controlnet_cond": [hints], "control_type": types, "control_type_idx": [number],
            "conditioning_scale": [1.0],
        }  # fmt: skip
    down, middle = net.net(
        inputs.x[:, : net.latent_channels].to(net.dtype, memory_format=torch.channels_last),
        inputs.t,
        inputs.tokens.to(net.dtype),
        **shown,
        added_cond_kwargs=inputs.added(net.dtype),
        return_dict=False,
    )
    return list(down), middle
