"""Models of well-known shapes with random weights: their arithmetic is real, their pictures are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from webui.contracts.ids import ModelId
from webui.engine.adapters.merging import MergedWeights
from webui.engine.model import LoadedModel
from webui.engine.previews import Projection
from webui.engine.shared_networks import network_bytes

TOKENS = 77
SD15: dict[str, Any] = {
    "in_channels": 4, "out_channels": 4, "layers_per_block": 2, "cross_attention_dim": 768,
    "block_out_channels": (320, 640, 1280, 1280), "attention_head_dim": 8,
}  # fmt: skip
"""UNet of Stable Diffusion 1.5, 860 million weights."""
SDXL: dict[str, Any] = {
    "in_channels": 4, "out_channels": 4, "layers_per_block": 2, "cross_attention_dim": 2048,
    "block_out_channels": (320, 640, 1280), "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
}  # fmt: skip
"""UNet of Stable Diffusion XL, 2.6 billion weights, but for its pooled text, which costs nothing."""


def random_unet(config: dict[str, Any], device: torch.device, dtype: torch.dtype) -> Any:
    """A UNet with small random weights, so that what it predicts stays finite over many steps."""
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(0)
        unet: Any = UNet2DConditionModel(**config)
    return unet.to(device, dtype).eval().requires_grad_(False)


class RandomText(torch.nn.Module):
    """Stands for a text encoder of the right width: reading takes next to no time of a picture."""

    def __init__(self, width: int, device: torch.device) -> None:
        super().__init__()
        self._words = torch.nn.Embedding(1000, width, device=device).requires_grad_(False)

    def get_input_embeddings(self) -> torch.nn.Embedding:
        """Where words become vectors."""
        return self._words

    def forward(self, ids: Tensor, output_hidden_states: bool = False) -> BaseModelOutput:
        """Tokens (chunks, L, D) as `last_hidden_state`; it has no other layers."""
        assert not output_hidden_states
        return BaseModelOutput(last_hidden_state=self._words(ids % 1000))


def _grey(channels: int) -> Projection:
    return Projection.of(torch.zeros(channels + 1, 3))


def of_shape(
    name: str, config: dict[str, Any], unet: Any, starter: LoadedModel, size: int
) -> LoadedModel:
    """A model around this UNet; tokens are cut as the starter's are, and nothing can be decoded."""
    width = int(config["cross_attention_dim"])
    parameter = next(unet.parameters())
    checkpoint = replace(
        starter.checkpoint, id=ModelId(name), latent_channels=int(config["in_channels"]),
        latent_factor=8, native_width=size, native_height=size,
    )  # fmt: skip
    return replace(
        starter, checkpoint=checkpoint, device=parameter.device, dtype=parameter.dtype, unet=unet,
        text_encoder=RandomText(width, parameter.device), bytes=network_bytes(unet),
        merged=MergedWeights(), remarks=[], projection=_grey(int(config["in_channels"])),
    )  # fmt: skip
