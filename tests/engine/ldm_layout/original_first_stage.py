"""The first stages of the original code, stated plainly: names of weights, and what they compute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class StageSizes:
    """What a configuration of the original says of its first stage."""

    z: int = 3
    channels: int = 32
    mult: tuple[int, ...] = (1, 2)
    layers: int = 1
    attention: tuple[int, ...] = ()
    """Levels that attend to themselves."""
    codes: int | None = None
    """Of a codebook; None for one with a Kullback-Leibler divergence."""
    middle_attends: bool = True


class FirstStage(nn.Module):
    """`first_stage_model` of the original."""

    def __init__(self, sizes: StageSizes) -> None:
        super().__init__()
        self.sizes = sizes
        double = 1 if sizes.codes else 2
        self.encoder = Encoder(sizes, double * sizes.z)
        self.decoder = Decoder(sizes)
        if sizes.codes:
            self.quantize = nn.ModuleDict({"embedding": nn.Embedding(sizes.codes, sizes.z)})
        self.quant_conv = nn.Conv2d(double * sizes.z, double * sizes.z, 1)
        self.post_quant_conv = nn.Conv2d(sizes.z, sizes.z, 1)

    def encode(self, pixels: Tensor) -> Tensor:
        """The most likely latent, before a codebook."""
        return self.quant_conv(self.encoder(pixels))[:, : self.sizes.z]  # type: ignore[no-any-return]

    def decode(self, z: Tensor) -> Tensor:
        """A picture of a latent, which a codebook quantises first."""
        if self.sizes.codes:
            entries = cast("nn.Embedding", self.quantize["embedding"]).weight
            flat = z.permute(0, 2, 3, 1)
            nearest = torch.cdist(flat.flatten(0, 2), entries).argmin(1)
            z = entries[nearest].view(flat.shape).permute(0, 3, 1, 2)
        return self.decoder(self.post_quant_conv(z))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    def __init__(self, sizes: StageSizes, out: int) -> None:
        super().__init__()
        now = sizes.channels
        self.conv_in = nn.Conv2d(3, now, 3, padding=1)
        self.down = nn.ModuleList()
        for level, times in enumerate(sizes.mult):
            part = _level(now, times * sizes.channels, sizes.layers, level in sizes.attention)
            now = times * sizes.channels
            if level < len(sizes.mult) - 1:
                part["downsample"] = nn.ModuleDict({"conv": nn.Conv2d(now, now, 3, stride=2)})
            self.down.append(part)
        self.mid = _middle(now, sizes.middle_attends)
        self.norm_out = nn.GroupNorm(32, now, eps=1e-6)
        self.conv_out = nn.Conv2d(now, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_in(x)
        for part in self.down:
            h = _through(part, h)
            if "downsample" in part:  # type: ignore[operator]
                h = part["downsample"]["conv"](functional.pad(h, (0, 1, 0, 1)))  # type: ignore[index]
        h = _through_middle(self.mid, h)
        return self.conv_out(functional.silu(self.norm_out(h)))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    def __init__(self, sizes: StageSizes) -> None:
        super().__init__()
        now = sizes.channels * sizes.mult[-1]
        self.conv_in = nn.Conv2d(sizes.z, now, 3, padding=1)
        self.mid = _middle(now, sizes.middle_attends)
        parts = []
        for level, times in reversed(list(enumerate(sizes.mult))):
            part = _level(now, times * sizes.channels, sizes.layers + 1, level in sizes.attention)
            now = times * sizes.channels
            if level > 0:
                part["upsample"] = nn.ModuleDict({"conv": nn.Conv2d(now, now, 3, padding=1)})
            parts.append(part)
        self.up = nn.ModuleList(reversed(parts))
        self.norm_out = nn.GroupNorm(32, now, eps=1e-6)
        self.conv_out = nn.Conv2d(now, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = _through_middle(self.mid, self.conv_in(z))
        for part in reversed(self.up):
            h = _through(part, h)
            if "upsample" in part:  # type: ignore[operator]
                h = part["upsample"]["conv"](functional.interpolate(h, scale_factor=2.0))  # type: ignore[index]
        return self.conv_out(functional.silu(self.norm_out(h)))  # type: ignore[no-any-return]


def _level(before: int, after: int, layers: int, attends: bool) -> nn.ModuleDict:
    blocks = nn.ModuleList(ResnetBlock(after if i else before, after) for i in range(layers))
    attentions = nn.ModuleList(AttnBlock(after) for _ in range(layers if attends else 0))
    return nn.ModuleDict({"block": blocks, "attn": attentions})


def _middle(channels: int, attends: bool) -> nn.ModuleDict:
    attention = AttnBlock(channels) if attends else nn.Identity()
    first, last = ResnetBlock(channels, channels), ResnetBlock(channels, channels)
    return nn.ModuleDict({"block_1": first, "attn_1": attention, "block_2": last})


def _through(part: nn.Module, h: Tensor) -> Tensor:
    for index, block in enumerate(part["block"]):  # type: ignore[index]
        h = block(h)
        if len(part["attn"]):  # type: ignore[index]
            h = part["attn"][index](h)  # type: ignore[index]
    return h


def _through_middle(mid: nn.ModuleDict, h: Tensor) -> Tensor:
    return mid["block_2"](mid["attn_1"](mid["block_1"](h)))  # type: ignore[no-any-return]


class ResnetBlock(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(32, before, eps=1e-6)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm2 = nn.GroupNorm(32, after, eps=1e-6)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        if before != after:
            self.nin_shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(functional.silu(self.norm2(h)))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)  # type: ignore[no-any-return]


class AttnBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.q, self.k, self.v = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2) for layer in (self.q, self.k, self.v))  # (B, C, N)
        weight = torch.softmax(torch.einsum("bcn,bcm->bnm", q, k) / math.sqrt(q.shape[1]), -1)
        return x + self.proj_out(torch.einsum("bnm,bcm->bcn", weight, v).view_as(x))  # type: ignore[no-any-return]
