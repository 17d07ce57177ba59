"""The codebook of a VQ first stage while it learns: where codes begin, and what becomes of dead ones."""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import broadcast
from diffusers import VQModel
from torch import Tensor, nn


@torch.no_grad()
def place_codes(vq: VQModel, pixels: Tensor) -> VQModel:
    """Put an untrained model's codes onto random latents of pictures (N, 3, H, W), in place.

    Drawn at random they would lie within 1/codes of zero, far inside what the encoder writes.
    """
    latents = vq.encode(pixels).latents.permute(0, 2, 3, 1)
    found = latents.flatten(0, 2)
    weight = vq.quantize.embedding.weight
    weight.copy_(_scattered(found, len(weight)))
    return vq


def _scattered(latents: Tensor, count: int) -> Tensor:
    """`count` of the latents (N, C), a little apart where one is taken twice."""
    taken = latents[torch.randint(len(latents), (count,), device=latents.device)]
    return taken + 1e-3 * latents.std() * torch.randn_like(taken)


class CodebookWatch:
    """Counts how often each code is chosen, and gives dead ones a new life in the encoder's range.

    A code that no latent is nearest to gets no gradient and stays dead for ever. So codes that
    were chosen less than a hundredth of their even share since the last look are put onto random
    latents of the last batch (as Jukebox does: Dhariwal et al. 2020, section 3).
    """

    def __init__(self, vq: VQModel, every: int) -> None:
        """Watch the quantiser of `vq` while it trains; a look each `every` steps."""
        self.codebook: nn.Embedding = vq.quantize.embedding
        self.every, self.steps = every, 0
        self.counts = torch.zeros(self.codebook.num_embeddings, dtype=torch.long)
        vq.quantize.register_forward_hook(self._seen)

    def _seen(self, quantiser: nn.Module, given: tuple[Tensor], answer: Any) -> None:
        if not quantiser.training:
            return
        chosen = answer[2][2]
        counts = torch.bincount(chosen.flatten(), minlength=len(self.counts))
        self.counts = self.counts.to(counts.device) + counts
        self.steps += 1
        self._latents = given[0].detach().float().permute(0, 2, 3, 1).flatten(0, 2)

    @torch.no_grad()
    def revive(self) -> int:
        """Move the dead codes if it is time for a look; returns how many were moved."""
        if self.steps == 0 or self.steps % self.every:
            return 0
        dead = self.counts < 0.01 * self.counts.sum() / len(self.counts)
        weight = self.codebook.weight.detach().clone()
        weight[dead] = _scattered(self._latents, int(dead.sum()))
        self.codebook.weight.copy_(broadcast(weight))  # the same on all devices
        self.counts.zero_()
        return int(dead.sum())
