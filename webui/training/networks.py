"""The networks that are trained, and the frozen ones that they are trained between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from webui.training.examples import Examples
from webui.training.first_stage import to_model
from webui.training.runs import Pixels, to_uint8
from webui.training.scenes import ScenePool
from webui.training.text import tokenize

ENCODED_AT_ONCE = 32
"""Pictures a pass of the first stage: its finest level has the memory of many latents."""


@dataclass(frozen=True)
class UNetSettings:
    """Size and shape of a denoiser."""

    channels: tuple[int, ...] = (80, 112, 128)
    """Width of each level; each level halves the side."""
    attention: tuple[bool, ...] = (False, True, True)
    """Which levels attend to themselves and to the text; at 16x16 it costs most and helps least."""
    layers: int = 1
    """Residual blocks a level."""
    heads: int = 4


def build_unet(
    settings: UNetSettings, latent_channels: int, latent_size: int, text_width: int
) -> UNet2DConditionModel:
    """A diffusers UNet of these settings, randomly initialised."""
    down = tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in settings.attention)
    up = tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(settings.attention))
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=settings.channels,
        layers_per_block=settings.layers,
        cross_attention_dim=text_width,
        attention_head_dim=settings.heads,
        norm_num_groups=16,
        use_linear_projection=True,
    )


def widen_input(unet: UNet2DConditionModel, extra: int) -> UNet2DConditionModel:
    """Give a UNet `extra` input channels that at first change nothing (zero weights), in place.

    The paper's concatenation conditioning, grown onto a model that knows its pictures already. One
    that has them, as a training that goes on begins with, is left as it is.
    """
    if unet.config.in_channels == unet.config.out_channels + extra:
        return unet
    old = unet.conv_in
    new = nn.Conv2d(
        old.in_channels + extra, old.out_channels, old.kernel_size, padding=old.padding
    ).to(old.weight.device)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=new.in_channels)
    return unet


def translate_input(unet: UNet2DConditionModel, before: Tensor, after: Tensor) -> None:
    """Let a UNet that reads planes beside its latent read others in their place, in place.

    Its first convolution is composed with the affine map that explains the old planes best by the new
    ones (least squares over all cells), so that it begins with what it knows of places.

    Args:
        unet: With `before.shape[1]` planes beside its latent.
        before: Planes that it was taught, (B, K, h, w).
        after: Planes of the same pictures that it is to read, (B, L, h, w).
    """
    old, latent = unet.conv_in, int(unet.config.out_channels)
    new = nn.Conv2d(
        latent + after.shape[1], old.out_channels, old.kernel_size, padding=old.padding
    ).to(old.weight.device)
    cells = torch.cat([after, torch.ones_like(after[:, :1])], 1).movedim(1, -1).flatten(0, 2)
    told = before.movedim(1, -1).flatten(0, 2)
    mixing = torch.linalg.lstsq(cells.float(), told.float()).solution  # (L + 1, K)
    with torch.no_grad():
        reads = old.weight[:, latent:]  # (out, K, 3, 3)
        new.weight[:, :latent] = old.weight[:, :latent]
        new.weight[:, latent:] = torch.einsum("okxy,lk->olxy", reads, mixing[:-1])
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias + torch.einsum("okxy,k->o", reads, mixing[-1]))
    unet.conv_in = new
    unet.register_to_config(in_channels=new.in_channels)


@dataclass
class FrozenParts:
    """First stage, tokenizer and text encoder, all trained before; and latents encoded before."""

    vae: AutoencoderKL
    tokenizer: CLIPTokenizer
    encoder: CLIPTextModel
    kept: Tensor | None = None
    """Latents of every example of the pool that is drawn from, float16 (N, z, h, w)."""

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> FrozenParts:
        """The parts of a diffusers folder."""
        vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
        encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        return cls(vae, tokenizer, encoder).to(device)

    def to(self, device: torch.device) -> FrozenParts:
        """Move them, and see that nothing trains them."""
        nn.Module.to(self.vae, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        nn.Module.to(self.encoder, device)
        for part in (self.vae, self.encoder):
            nn.Module.eval(part).requires_grad_(False)
        return self

    @property
    def device(self) -> torch.device:
        """Where they are."""
        device: torch.device = next(self.vae.parameters()).device
        return device

    @property
    def scale(self) -> float:
        """What gives latents unit variance."""
        return float(self.vae.config.scaling_factor)

    @torch.no_grad()
    def tokens(self, texts: list[str]) -> Tensor:
        """Cross-attention tokens (B, 77, D)."""
        hidden: Tensor = self.encoder(
            tokenize(self.tokenizer, texts).to(self.device)
        ).last_hidden_state
        return hidden

    @torch.no_grad()
    def latents(self, examples: Examples) -> Tensor:
        """Clean latents at unit variance, float32 (B, z, h, w); looked up where they are kept."""
        if self.kept is not None and examples.index is not None:
            return self.kept[examples.index].to(self.device).float()
        return self.encode(examples.pictures)

    @torch.no_grad()
    def encode(self, pictures: Pixels) -> Tensor:
        """Latents of uint8 pictures (B, H, W, 3)."""
        parts = [
            self.encode_pixels(to_model(pictures[i : i + ENCODED_AT_ONCE], self.device))
            for i in range(0, len(pictures), ENCODED_AT_ONCE)
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def encode_pixels(self, pixels: Tensor) -> Tensor:
        """Latents, float32 (B, z, h, w), of pixels (B, 3, H, W) in [-1, 1]."""
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        encoded: Tensor = self.vae.encode(pixels).latent_dist.mode().float() * self.scale
        return encoded

    @torch.no_grad()
    def decode(self, latents: Tensor, batch: int = 8) -> Pixels:
        """Pictures uint8 (B, H, W, 3) of latents at unit variance."""
        parts = [self.vae.decode(z / self.scale).sample for z in torch.split(latents, batch)]
        return to_uint8(torch.cat(parts))

    def keep_latents(self, pool: ScenePool, path: Path) -> None:
        """Encode a whole pool once; kept in the file `path` over starts, and shared by all of them."""
        if not path.exists():
            half = torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"
            )
            with half:
                chunks = [
                    self.encode(pool.pictures[start : start + ENCODED_AT_ONCE]).half().cpu()
                    for start in range(0, len(pool), ENCODED_AT_ONCE)
                ]
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            torch.save(torch.cat(chunks), partial)
            partial.replace(path)
        # Our own file, tensors only; mapped, so that trainings beside one another have it once.
        self.kept = torch.load(path, weights_only=True, mmap=True)  # noqa: TID251
