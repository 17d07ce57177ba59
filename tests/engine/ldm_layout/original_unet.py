"""The networks of the original latent-diffusion code, stated plainly: names of weights, and what they compute.

Written from the papers (Dhariwal & Nichol 2021, Esser et al. 2021, Rombach et al. 2022) and the layout of
the released files, to compare with. Normalisations have 32 groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class UnetSizes:
    """What a configuration of the original says of its UNet."""

    in_channels: int = 3
    out_channels: int = 3
    channels: int = 32
    mult: tuple[int, ...] = (1, 2)
    layers: int = 2
    attention: tuple[int, ...] = (2,)
    """Downsampling factors at which there is attention."""
    heads: int | None = None
    head_channels: int | None = 32
    context: int | None = None
    depth: int = 1
    scale_shift: bool = False
    resblock_updown: bool = False


class Unet(nn.Module):
    """`model.diffusion_model` of the original."""

    def __init__(self, sizes: UnetSizes) -> None:
        super().__init__()
        self.sizes = sizes
        c = sizes.channels
        self.time_embed = nn.Sequential(nn.Linear(c, 4 * c), nn.SiLU(), nn.Linear(4 * c, 4 * c))
        self.input_blocks = nn.ModuleList(
            [nn.ModuleList([nn.Conv2d(sizes.in_channels, c, 3, padding=1)])]
        )
        widths, now, factor = [c], c, 1
        for level, times in enumerate(sizes.mult):
            for _ in range(sizes.layers):
                self.input_blocks.append(self._block(now, times * c, factor))
                now = times * c
                widths.append(now)
            if level < len(sizes.mult) - 1:
                down = self._resnet(now, now, "down") if sizes.resblock_updown else Downsample(now)
                self.input_blocks.append(nn.ModuleList([down]))
                widths.append(now)
                factor *= 2
        middle = [self._resnet(now, now), self._attention(now), self._resnet(now, now)]
        self.middle_block = nn.ModuleList(middle)
        self.output_blocks = nn.ModuleList()
        for level, times in reversed(list(enumerate(sizes.mult))):
            for layer in range(sizes.layers + 1):
                block = self._block(now + widths.pop(), times * c, factor)
                now = times * c
                if level and layer == sizes.layers:
                    block.append(
                        self._resnet(now, now, "up") if sizes.resblock_updown else Upsample(now)
                    )
                    factor //= 2
                self.output_blocks.append(block)
        self.out = nn.Sequential(
            nn.GroupNorm(32, c), nn.SiLU(), nn.Conv2d(c, sizes.out_channels, 3, padding=1)
        )

    def _block(self, before: int, after: int, factor: int) -> nn.ModuleList:
        attends = [self._attention(after)] if factor in self.sizes.attention else []
        return nn.ModuleList([self._resnet(before, after), *attends])

    def _resnet(self, before: int, after: int, resampling: str = "") -> ResBlock:
        sizes = self.sizes
        return ResBlock(before, after, 4 * sizes.channels, sizes.scale_shift, resampling)

    def _attention(self, channels: int) -> nn.Module:
        sizes = self.sizes
        heads = sizes.heads or channels // (sizes.head_channels or channels)
        if sizes.context is None:
            return AttentionBlock(channels, heads)
        return SpatialTransformer(channels, heads, sizes.depth, sizes.context)

    def forward(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        half = self.sizes.channels // 2
        angles = t[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        time = self.time_embed(torch.cat((angles.cos(), angles.sin()), 1))
        kept = []
        for block in self.input_blocks:
            x = run(block, x, time, context)
            kept.append(x)
        x = run(self.middle_block, x, time, context)
        for block in self.output_blocks:
            x = run(block, torch.cat((x, kept.pop()), 1), time, context)
        return self.out(x)  # type: ignore[no-any-return]


def run(block: nn.Module, x: Tensor, time: Tensor, context: Tensor | None) -> Tensor:
    for layer in block:  # type: ignore[attr-defined]
        if isinstance(layer, ResBlock):
            x = layer(x, time)
        elif isinstance(layer, SpatialTransformer):
            assert context is not None
            x = layer(x, context)
        else:
            x = layer(x)
    return x


class ResBlock(nn.Module):
    def __init__(
        self, before: int, after: int, time: int, scale_shift: bool, resampling: str
    ) -> None:
        super().__init__()
        self.scale_shift, self.resampling = scale_shift, resampling
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, after * (1 + scale_shift)))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, after), nn.SiLU(), nn.Dropout(0), nn.Conv2d(after, after, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resampling == "up":
            return functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.avg_pool2d(x, 2) if self.resampling == "down" else x

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.in_layers[2](self._resampled(self.in_layers[:2](x)))
        said = self.emb_layers(time)[..., None, None]
        if self.scale_shift:
            scale, shift = said.chunk(2, 1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + said)
        return self.skip_connection(self._resampled(x)) + h  # type: ignore[no-any-return]


class Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)  # type: ignore[no-any-return]


class Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))  # type: ignore[no-any-return]


class AttentionBlock(nn.Module):
    """Queries, keys and values are made by one convolution, head by head."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)  # (B, C, N)
        parts = self.qkv(self.norm(flat)).unflatten(1, (self.heads, 3, -1))
        q, k, v = parts.unbind(2)  # (B, heads, C / heads, N)
        weight = torch.softmax(torch.einsum("bhcn,bhcm->bhnm", q, k) / math.sqrt(q.shape[2]), -1)
        read = torch.einsum("bhnm,bhcm->bhcn", weight, v).flatten(1, 2)
        return x + self.proj_out(read).view_as(x)  # type: ignore[no-any-return]


class SpatialTransformer(nn.Module):
    def __init__(self, channels: int, heads: int, depth: int, context: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(channels, heads, context) for _ in range(depth)
        )
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        h = self.proj_in(self.norm(x))
        rows = h.flatten(2).transpose(1, 2)  # (B, N, C)
        for block in self.transformer_blocks:
            rows = block(rows, context)
        return x + self.proj_out(rows.transpose(1, 2).view_as(h))  # type: ignore[no-any-return]


class TransformerBlock(nn.Module):
    def __init__(self, channels: int, heads: int, context: int) -> None:
        super().__init__()
        self.attn1 = CrossAttention(channels, channels, heads)
        self.attn2 = CrossAttention(channels, context, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))
        self.ff = nn.ModuleDict(
            {
                "net": nn.ModuleList(
                    [
                        Gated(channels, 4 * channels),
                        nn.Dropout(0),
                        nn.Linear(4 * channels, channels),
                    ]
                )
            }
        )

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        own = self.norm1(x)
        x = x + self.attn1(own, own)
        x = x + self.attn2(self.norm2(x), context)
        h: Tensor = self.norm3(x)
        for layer in self.ff["net"]:  # type: ignore[attr-defined]
            h = layer(h)
        return x + h


class Gated(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.proj = nn.Linear(before, 2 * after)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, -1)
        return value * functional.gelu(gate)  # type: ignore[no-any-return]


class CrossAttention(nn.Module):
    def __init__(self, channels: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels), nn.Dropout(0))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = self.to_q(x), self.to_k(context), self.to_v(context)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in (q, k, v))  # (B, N, heads, d)
        weight = torch.softmax(torch.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(q.shape[-1]), -1)
        return self.to_out(torch.einsum("bhnm,bmhd->bnhd", weight, v).flatten(2))  # type: ignore[no-any-return]


def randomise(network: nn.Module, seed: int) -> None:
    """Weights of a size that keeps activations near 1, biases and scales too, so that each one matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                weight.copy_(noise / math.sqrt(weight[0].numel()))
            else:
                weight.copy_(0.2 * noise + ("bias" not in name))
