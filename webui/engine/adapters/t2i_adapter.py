"""T2I-Adapters (Mou et al. 2023): a small network reads a picture once, and its features join a UNet's encoder.

Unlike a controlnet it sees neither latent nor text, so what it says of a picture holds for all steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.engine.damage import told_as_damage
from webui.engine.families.parts import read_diffusers
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights
from webui.weights.t2i_files import t2i_names, t2i_shape

_PROBE = 16
"""Latent cells along a side of the picture by which an adapter's features are measured."""
Place = tuple[int, int]
"""(channels, latent cells along a side of one of its own)."""


@dataclass(frozen=True, eq=False)
class LoadedT2iAdapter:
    """A T2I-Adapter in memory."""

    info: AdapterInfo
    # Any: diffusers' class.
    net: Any
    dtype: torch.dtype
    factor: int
    """Pixels of the hint per latent cell along a side."""
    colours: int
    """Channels that it reads: 3, or 1 for grey."""
    places: tuple[Place, ...]
    """Of its features, the finest first."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    _seen: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)

    def check_fits(self, unet: nn.Module, latent_channels: int) -> None:  # noqa: ARG002 - as a controlnet's
        """See that its features have the shapes of what this UNet's encoder makes.

        Raises:
            JobFailed: it is made for another.
        """
        wanted = places_of(unet)
        count = len(self.places)
        # What follows the last level of the encoder is added in the middle.
        if not wanted or self.places != (*wanted, wanted[-1])[:count]:
            raise JobFailed(
                f"The T2I-Adapter {self.info.id!r} is made for another model: its features are of (channels, "
                f"scale) {self.places}, this model's levels of {wanted or 'none, for it has no UNet'}. Take it "
                "out, or choose the model that it was trained on."
            )

    def features(self, hint: Tensor) -> list[Tensor]:
        """What it says of a picture (1, 3, H, W) in [0, 1]: (1, C_i, h_i, w_i) each. Computed once a picture."""
        if hint not in self._seen:
            read = hint if self.colours == hint.shape[1] else hint.mean(1, keepdim=True)
            cell = int(self.net.downscale_factor)
            beyond = (0, -hint.shape[3] % cell, 0, -hint.shape[2] % cell)
            read = functional.pad(read, beyond, mode="replicate")
            self._seen[hint] = self.net(read.to(self.dtype))
        found: list[Tensor] = self._seen[hint]
        return found


def places_of(unet: Any) -> tuple[Place, ...]:
    """Where a UNet of diffusers adds features: in each block of its encoder; empty for other networks.

    A block with cross-attention adds them before it halves the picture, another one afterwards.
    """
    places: list[Place] = []
    scale = 1
    blocks = getattr(unet, "down_blocks", ())
    for block, channels in zip(
        blocks, getattr(unet.config, "block_out_channels", ()), strict=False
    ):
        halved = 2 * scale if block.downsamplers else scale
        places.append((channels, scale if getattr(block, "has_cross_attention", False) else halved))
        scale = halved
    return tuple(places)


def load_t2i_adapter(info: AdapterInfo, device: torch.device) -> LoadedT2iAdapter:
    """Read a T2I-Adapter: diffusers' folder, or a single file of either layout.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    # With the first adapter: diffusers takes seconds to import.
    from diffusers.models.adapter import T2IAdapter  # noqa: PLC0415

    dtype = compute_dtype(device)
    path = Path(info.path)
    with told_as_damage(f"The T2I-Adapter {info.id!r}", info.path):
        if path.is_file():
            net = _from_file(path, T2IAdapter).to(dtype)
        else:
            net = read_diffusers(T2IAdapter, path, dtype)
    net = net.eval().requires_grad_(False).to(device)
    colours, cell = int(net.config.in_channels), int(net.downscale_factor)
    # SDXL's UNet takes the first features behind its first halving.
    factor = cell // 2 if net.config.adapter_type == "full_adapter_xl" else cell
    with torch.inference_mode():
        side = factor * _PROBE
        probe = torch.zeros(1, colours, side, side, dtype=dtype, device=device)
        places = tuple((said.shape[1], _PROBE // said.shape[2]) for said in net(probe))
    size = sum(p.numel() * p.element_size() for p in net.parameters())
    return LoadedT2iAdapter(info, net, dtype, factor, colours, places, size)


# Any: diffusers' class, which is imported late.
def _from_file(path: Path, kind: Any) -> Any:
    """A network in the precision of its file."""
    file = open_weights(path)
    shape = t2i_shape(file.header.shapes)
    net = kind(
        in_channels=shape.colours,
        channels=list(shape.channels),
        num_res_blocks=shape.blocks,
        downscale_factor=shape.cell,
        adapter_type=shape.kind,
    )
    names = t2i_names(file.header.shapes)
    net.adapter.load_state_dict({ours: file[theirs] for ours, theirs in names.items()}, strict=True)
    return net
