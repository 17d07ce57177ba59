"""LoRA: a thing or a style taught by a small change of the text model (Hu et al. 2021).

    python launch.py train lora --concept lighthouse     what the world does not have
    python launch.py train lora --concept linocut
    python launch.py train lora --data my/pictures       your own pictures with captions

Beside each chosen weight W of the denoiser and of the text encoder stands a product up @ down of
low rank; W is frozen and only the product learns. It begins as zero, so the first pictures are the
text model's own. The world's own scenes are mixed in, that the rest stays what it was (the prior
preservation of DreamBooth, Ruiz et al. 2023).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn

from webui.training.command import (
    STARTER,
    TrainCommand,
    is_main,
    load_start,
    native_size,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import hardware, make_readable
from webui.training.folder_source import FolderSource
from webui.training.loop import CHECKPOINT, LoopSettings, fit
from webui.training.lora_card import write_lora_card
from webui.training.low_rank import LoraLayer, add_lora, save_lora
from webui.training.networks import FrozenParts
from webui.training.runs import Pixels, load_checkpoint, picture_sheet
from webui.training.scenes import UNSEEN_SEEDS, draw_truth
from webui.training.text import tokenize
from webui.training.text_to_image import draw_guided, drop_captions
from webui.training.world import caption_text
from webui.training.world.extras import EXTRAS, draw_extra

UNET_TARGETS = (
    "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out",
    "conv1", "conv2",
)  # fmt: skip
"""Ends of the names of the denoiser's layers that are changed.

The convolutions too: at the finest level, where textures are drawn, ours has no attention.
"""
TEXT_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")
"""The same of the text encoder, which must read words that it never met."""


@dataclass(frozen=True)
class LoraSettings:
    """Everything a LoRA depends on beside the text model that it changes."""

    rank: int = 8
    alpha: float = 8.0
    """The change is scaled by alpha / rank."""
    scenes: int = 800
    """Distinct pictures of a concept that is drawn for the purpose."""
    prior: float = 0.25
    """Share of examples that are the world's own scenes, of such concepts."""
    caption_dropout: float = 0.05
    """Share of examples that see an empty caption."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)


RECIPES = {
    "cpu": LoraSettings(
        loop=LoopSettings(
            batch=16, peak_learning_rate=2e-3, warmup_steps=50, weight_decay=1e-4,
            ema_decay=0.99, budget_seconds=4 * 60, seed=7,
        )
    ),
    "gpu": LoraSettings(
        scenes=1500,
        loop=LoopSettings(
            batch=48, peak_learning_rate=2e-3, warmup_steps=50, weight_decay=1e-4,
            ema_decay=0.99, budget_seconds=90, seed=7,
        )
    ),
}  # fmt: skip


class AdaptedModel(nn.Module):
    """Text encoder and denoiser as one network, that both may learn."""

    def __init__(
        self, unet: UNet2DConditionModel, encoder: nn.Module, settings: LoraSettings
    ) -> None:
        super().__init__()
        rank, alpha = settings.rank, settings.alpha
        self.layers: dict[str, dict[str, LoraLayer]] = {
            "unet": add_lora(unet, UNET_TARGETS, rank, alpha),
            "text_encoder": add_lora(encoder, TEXT_TARGETS, rank, alpha),
        }
        self.unet, self.text_encoder = unet, encoder

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        """Velocity (B, C, h, w) at timesteps (B,) under texts of these token ids (B, 77)."""
        tokens = self.text_encoder(ids).last_hidden_state
        velocity: Tensor = self.unet(x, t, tokens).sample
        return velocity


class ConceptSource:
    """Pictures of an extra of the world, some of the world's own, all with their latents."""

    def __init__(self, concept: str, settings: LoraSettings, parts: FrozenParts, size: int) -> None:
        """Draw them all; a picture costs milliseconds."""
        drawn = [draw_extra(concept, seed, size) for seed in range(settings.scenes)]
        own = round(settings.scenes * settings.prior / (1 - settings.prior))
        rng = np.random.default_rng(0)
        drawn += [(draw_truth(seed, size).pictures, caption_text(seed, rng)) for seed in range(own)]
        self.pictures = np.stack([picture for picture, _ in drawn])
        self.captions = [caption for _, caption in drawn]
        starts = range(0, len(drawn), 32)
        parts.kept = torch.cat([parts.encode(self.pictures[i : i + 32]) for i in starts])

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """Random pictures with captions."""
        chosen = rng.integers(len(self.pictures), size=count)
        captions = tuple(self.captions[i] for i in chosen)
        return Examples(self.pictures[chosen], captions, index=chosen)


def train_lora(
    settings: LoraSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
    prompts: Sequence[str],
) -> AdaptedModel:
    """Train, or go on training, in `folder`; returns both networks with their averaged changes.

    Args:
        settings: Of ranks and loop.
        parts: First stage and text encoder; the latter is changed in place.
        source: Of pictures with captions.
        folder: Of the run.
        start: The text model's denoiser, changed in place.
        prompts: Of the sheet.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    model = AdaptedModel(start, parts.encoder, settings)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        x0 = parts.latents(examples)  # (B, z, h, w)
        texts = drop_captions(examples.captions, settings.caption_dropout, rng)
        ids = tokenize(parts.tokenizer, texts).to(x0.device)
        return velocity_loss(lambda x, t: network(x, t, ids), x0, settings.noise)

    return fit(
        model, loss, settings.loop, folder, settings, lambda m: lora_sheet(m, parts, prompts)
    )


@torch.no_grad()
def lora_sheet(model: AdaptedModel, parts: FrozenParts, prompts: Sequence[str]) -> Pixels:
    """Pictures of these prompts, then of some that do not speak of the concept."""
    rng = np.random.default_rng(0)
    texts = [*prompts] + [caption_text(UNSEEN_SEEDS + i, rng) for i in range(8)]
    return picture_sheet(parts.decode(draw_guided(model.unet, parts, texts)), columns=8)


_SUMMARIES = {
    "lighthouse": "Draws lighthouses with red and white bands, which the starter's world has not.",
    "linocut": "Draws the starter's world as linocuts: one dark ink, carved lines for tones.",
}


def facts_of(name: str, command: TrainCommand) -> dict[str, str]:
    """What a LoRA's header says for people and catalogs (the keys are Stability's ModelSpec)."""
    run = load_checkpoint(command.work / CHECKPOINT) or {}
    facts = {
        "modelspec.title": name,
        "modelspec.description": _SUMMARIES.get(name, f"Trained on the pictures of {name}."),
        "training.command": command.words,
        "training.hardware": hardware(),
        "training.seconds": f"{run.get('seconds', 0):.0f}",
        "training.steps": str(run.get("step", 0)),
    }
    if command.data is None:
        facts |= {"modelspec.trigger_phrase": name, "modelspec.license": "apache-2.0"}
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and write one file, with its last samples beside it."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--concept", choices=sorted(EXTRAS), default="lighthouse")
    chosen, rest = own.parse_known_args(arguments)
    command = parse("lora", __doc__ or "", rest, STARTER / "loras", goes_on=False)
    name = chosen.concept if command.data is None else command.data.resolve().name
    kind = f"lora --concept {name}" if command.data is None else "lora"
    command = replace(command, kind=kind, work=command.work / name)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_start(command)
    size = native_size(parts, unet)
    source: Source = (
        ConceptSource(name, settings, parts, size)
        if command.data is None
        else FolderSource(command.data, size)
    )
    prompts = _prompts(name, source)
    model = train_lora(settings, parts, source, command.work, unet, prompts)
    if is_main():
        facts = {"alpha": f"{settings.alpha:g}", **facts_of(name, command)}
        save_lora(command.out / f"{name}.safetensors", model.layers, facts)
        with Image.open(command.work / "samples.png") as sheet:
            sheet.save(command.out / f"{name}.webp", quality=88, method=6)
        if command.data is None:  # nobody asked for one beside files of their own
            write_lora_card(command.out, f"{command.out.resolve().parent.name}/{command.out.name}")
        make_readable(command.out)
    return 0


def _prompts(name: str, source: Source) -> list[str]:
    """Sixteen captions that were not trained on, where the concept can say new ones."""
    if name in EXTRAS:
        return [draw_extra(name, UNSEEN_SEEDS + i, 32)[1] for i in range(16)]
    return list(source.draw(16, np.random.default_rng(1)).captions)


if __name__ == "__main__":
    raise SystemExit(main())
