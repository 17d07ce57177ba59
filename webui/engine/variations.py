"""What a model is told of a picture that it draws the like of (Ramesh et al. 2022, unCLIP).

It is CLIP's embedding of the picture with noise of a level, and the level itself, embedded as timesteps are:
the more noise, the freer the model is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor

from webui.engine.adapters.image_encoder import LoadedImageEncoder
from webui.engine.small_picture import SmallPictureNoise


@dataclass(frozen=True, eq=False)
class Variations:
    """An image encoder, and how what it says is made noisy."""

    encoder: LoadedImageEncoder
    mean: Tensor
    """(1, P), float32: of the embeddings that the model was trained on."""
    spread: Tensor
    """(1, P), float32: their standard deviations."""
    noise: SmallPictureNoise

    def told(self, embedding: Tensor, level: int, noise: Tensor) -> Tensor:
        """What the network embeds beside the timestep, (1, 2 P).

        Args:
            embedding: (1, P), float32.
            level: Of the noise, 0 to `noise.most`.
            noise: As the embedding, of unit variance.
        """
        normal = (embedding - self.mean) / self.spread
        noisy = self.noise.noised(normal, level, noise) * self.spread + self.mean
        times = torch.tensor([level], device=embedding.device)
        width = int(embedding.shape[1])
        known: Tensor = get_timestep_embedding(
            times, width, flip_sin_to_cos=True, downscale_freq_shift=0
        )
        return torch.cat((noisy, known), 1)
