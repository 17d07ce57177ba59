"""First stages (VAE) in files of their own, that take the place of a model's: whole ones, and TAESD."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.engine.adapters.taesd import TAESD_LEVELS, load_taesd
from webui.engine.damage import told_as_damage
from webui.engine.first_stage import FirstStage
from webui.engine.precision import compute_dtype
from webui.engine.weights import Weights, open_weights
from webui.weights.ldm_first_stage import PREFIX
from webui.weights.taesd_files import latent_channels

if TYPE_CHECKING:  # it imports adapters
    from webui.engine.model import LoadedModel

_LEVELS = "encoder.down_blocks.{}.resnets.0.conv1.weight"
"""In diffusers' names of a whole one."""


@dataclass(frozen=True, eq=False)
class LoadedVae:
    """A first stage in memory."""

    info: AdapterInfo
    vae: FirstStage
    latent_channels: int
    factor: int
    """Pixels per latent cell along a side."""
    tiny: bool
    """Whether it is TAESD, which reads latents as they are drawn, not unscaled."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    _instead: WeakKeyDictionary[LoadedModel, LoadedModel] = field(default_factory=WeakKeyDictionary)

    def put_into(self, model: LoadedModel) -> LoadedModel:
        """The model with this first stage; the same one each time, so that jobs run together.

        Raises:
            JobFailed: its latents are not the model's.
        """
        info = model.checkpoint
        own, wanted = (
            (self.latent_channels, self.factor),
            (info.latent_channels, info.latent_factor),
        )
        if own != wanted:
            raise JobFailed(
                f"The VAE {self.info.id!r} has latents of {own[0]} channels at 1/{own[1]} of the size, and the "
                f"model {info.id!r} of {wanted[0]} at 1/{wanted[1]}. Choose another, or Automatic."
            )
        if model not in self._instead:
            scale, shift = (1.0, 0.0) if self.tiny else (model.latent_scale, model.latent_shift)
            self._instead[model] = replace(
                model, vae=self.vae, latent_scale=scale, latent_shift=shift
            )
        return self._instead[model]


def load_vae(info: AdapterInfo, device: torch.device) -> LoadedVae:
    """Read a first stage's file: the original layout, diffusers', or TAESD in any of its own.

    Raises:
        BrokenModel: it is damaged, or none.
    """
    with told_as_damage(f"The VAE {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        tiny = bool(latent_channels(file.header.shapes))
        vae = load_taesd(file) if tiny else _network(_copied(file))
    # Distances to a codebook have no half-precision form on GPUs.
    dtype = torch.float32 if hasattr(vae, "quantize") else compute_dtype(device)
    vae = vae.eval().requires_grad_(False).to(device, dtype)
    levels = TAESD_LEVELS if tiny else len(vae.config.block_out_channels)
    return LoadedVae(
        info=info,
        vae=vae,
        latent_channels=int(vae.config.latent_channels),
        factor=2 ** (levels - 1),
        tiny=tiny,
        bytes=sum(p.numel() * p.element_size() for p in vae.parameters()),
    )


def _copied(file: Weights) -> dict[str, Tensor]:
    """Names without the original code's prefix to tensors of our own: the file may be replaced."""
    return {name.removeprefix(PREFIX): file[name].clone() for name in file}


# Any: diffusers' classes are typed loosely.
def _network(weights: dict[str, Tensor]) -> Any:
    """The network with its weights, in float32."""
    # With the first file: diffusers takes seconds to import.
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: PLC0415

    from webui.engine.ldm_layout.first_stage import read_first_stage  # noqa: PLC0415

    if _LEVELS.format(0) not in weights:
        return read_first_stage(weights).float()
    net: Any = AutoencoderKL(**_sizes(weights))
    net.load_state_dict(weights, strict=True)
    return net.float()


def _sizes(weights: dict[str, Tensor]) -> dict[str, Any]:
    """Of a first stage in diffusers' names, as its class takes them."""
    levels = 0
    while _LEVELS.format(levels) in weights:
        levels += 1
    layers = 0
    while f"encoder.down_blocks.0.resnets.{layers}.conv1.weight" in weights:
        layers += 1
    return {
        "block_out_channels": tuple(weights[_LEVELS.format(i)].shape[0] for i in range(levels)),
        "layers_per_block": layers,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": weights["decoder.conv_in.weight"].shape[1],
        "use_quant_conv": "quant_conv.weight" in weights,
        "use_post_quant_conv": "post_quant_conv.weight" in weights,
    }
