"""OpenCLIP's image encoder as its own code has it (github.com/mlfoundations/open_clip), names and all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """A layer."""

    def __init__(self, width: int, heads: int, quick: bool = False) -> None:
        super().__init__()
        self.quick = quick
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False)[0]
        wide = self.mlp["c_fc"](self.ln_2(x))
        # OpenAI's own networks have the quick approximation.
        wide = wide * torch.sigmoid(1.702 * wide) if self.quick else nn.functional.gelu(wide)
        answer: Tensor = x + self.mlp["c_proj"](wide)
        return answer


class OriginalVision(nn.Module):
    """The encoder; answers as transformers' does."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        says: int,
        patch: int,
        side: int,
        quick: bool = False,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros((side // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        blocks = nn.ModuleList(Block(width, heads, quick) for _ in range(layers))
        self.transformer = nn.ModuleDict({"resblocks": blocks})
        self.proj = nn.Parameter(torch.zeros(width, says))

    @property
    def device(self) -> torch.device:
        """Diffusers asks every part of a pipeline."""
        return self.proj.device

    def forward(self, pixels: Tensor) -> SimpleNamespace:
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)  # (N, T, W)
        first = self.class_embedding.expand(len(patches), 1, -1)
        x = self.ln_pre(torch.cat((first, patches), 1) + self.positional_embedding)
        for block in cast("nn.ModuleList", self.transformer["resblocks"]):
            x = block(x)
        return SimpleNamespace(image_embeds=self.ln_post(x[:, 0]) @ self.proj)
