"""Networks that are told the scale of a guidance which was distilled into them (Meng et al. 2023)."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor


class TellableUNet(UNet2DConditionModel):  # type: ignore[misc]
    """diffusers' UNet, which takes its label for the scale of a distilled guidance where it embeds one."""

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        class_labels: Tensor | None = None,
        pooled: Tensor | None = None,
        **others: Any,  # residuals of controlnets, and how the answer is packed
    ) -> Any:
        """Prediction for latents (R, C, h, w).

        Args:
            sample: (R, C, h, w).
            timestep: (R,).
            encoder_hidden_states: (R, T, D).
            class_labels: (R,), the scale, or what else is embedded beside the timestep.
            pooled: (R, P), a picture as a whole, where the network embeds that in the label's place.
            others: As in diffusers.
        """
        if pooled is not None:
            others["class_labels"] = pooled
        elif (width := self.config.time_cond_proj_dim) is None:
            others["class_labels"] = class_labels
        elif class_labels is not None:
            others["timestep_cond"] = guidance_embedding(class_labels, width).to(sample.dtype)
        return super().forward(sample, timestep, encoder_hidden_states, **others)


def guidance_embedding(scale: Tensor, width: int) -> Tensor:
    """(R, width) of guidance scales (R,), as latent consistency models have it (Luo et al. 2023)."""
    half = width // 2
    steps = torch.arange(half, device=scale.device) * (-math.log(10_000.0) / (half - 1))
    angles = (scale[:, None] - 1) * 1000 * torch.exp(steps)
    return torch.cat((angles.sin(), angles.cos()), 1)
