"""Pictures that keep the space of a depth map, as Stable Diffusion 2's depth model does.

    python launch.py train depth

One plane beside the noisy latent says how near each cell is, 1 near and -1 far. The prompt says
what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from webui.engine.programs.conditions import depth_plane
from webui.training.command import (
    TrainingRefused,
    is_main,
    load_begun,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.loop import LoopSettings, fit
from webui.training.networks import (
    FrozenParts,
    UNetSettings,
    build_unet,
    translate_input,
    widen_input,
)
from webui.training.runs import Pixels
from webui.training.semantic import planes_of
from webui.training.showcase import paired_sheet, unseen_examples
from webui.training.text_to_image import draw_guided, drop_captions, thing_weights


@dataclass(frozen=True)
class DepthSettings:
    """Everything a depth model depends on beside its first stage and its text encoder."""

    unet: UNetSettings | None = None
    """A denoiser made anew; None starts from another's."""
    begins_with: str = "text"
    """Whose denoiser: the text model's, or that of the finished 'semantic' model beside the depth model.
    That one knows already to keep to places that planes show: from it a training on a processor follows
    its maps after minutes, where from the text model it did not after half an hour."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    """Without min-SNR: a run of 13,000 examples with it hardly followed its depth maps, perhaps because it
    takes the weight from the levels at which it is decided what stands where. Not tried since."""
    loop: LoopSettings = field(default_factory=LoopSettings)
    caption_dropout: float = 0.1
    """Share of examples that see an empty caption."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""


RECIPES = {
    "cpu": DepthSettings(
        begins_with="semantic",
        loop=LoopSettings(
            batch=16, peak_learning_rate=3e-4, warmup_steps=50, ema_decay=0.995, budget_seconds=75 * 60
        ),
    ),
    "gpu": DepthSettings(
        loop=LoopSettings(
            batch=128, peak_learning_rate=5e-4, warmup_steps=100, budget_seconds=330
        ),
    ),
}  # fmt: skip


def plane_of(examples: Examples, like: Tensor) -> Tensor:
    """Depth planes (B, 1, h, w) of examples on the grid of the latents `like`.

    Raises:
        TrainingRefused: their source knows no depth.
    """
    if examples.depths is None:
        raise TrainingRefused(
            "These pictures have no depth maps, and a depth model learns from nothing else; "
            "train it without --data."
        )
    depths = torch.from_numpy(np.array(examples.depths)).to(like.device)
    return depth_plane(depths, depths.shape[1] // like.shape[2])


def train_depth(
    settings: DepthSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
) -> UNet2DConditionModel:
    """Train, or go on training, in `folder`; returns the averaged denoiser.

    Args:
        settings: Of network, noise and loop.
        parts: First stage and text encoder.
        source: Of pictures with captions and depths.
        folder: Of the run.
        start: A text or semantic model's denoiser: its shape and, without `settings.unet`, its weights
            count.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    unet = start if settings.unet is None else build_unet(
        settings.unet, start.config.out_channels, start.config.sample_size,
        start.config.cross_attention_dim,
    )  # fmt: skip
    if unet.config.in_channels > unet.config.out_channels + 1:
        hear_depth(unet, parts, source)
    widen_input(unet, 1)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        x0 = parts.latents(examples)  # (B, z, h, w)
        plane = plane_of(examples, x0)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        return velocity_loss(
            lambda x, t: network(torch.cat([x, plane], dim=1), t, tokens).sample,
            x0, settings.noise, thing_weights(examples, settings.thing_weight, x0),
        )  # fmt: skip

    return fit(unet, loss, settings.loop, folder, settings, lambda u: depth_sheet(u, parts))


def load_semantic(folder: Path) -> UNet2DConditionModel:
    """The denoiser of a finished semantic model, in float32.

    Raises:
        TrainingRefused: there is none.
    """
    if not (folder / "unet" / "config.json").is_file():
        raise TrainingRefused(
            f"This recipe begins with a semantic model, and there is none in {str(folder)!r}. "
            "Make one with: python launch.py train semantic"
        )
    unet: UNet2DConditionModel = UNet2DConditionModel.from_pretrained(
        folder / "unet", torch_dtype=torch.float32
    )
    return unet


def hear_depth(unet: UNet2DConditionModel, parts: FrozenParts, source: Source) -> None:
    """Let a semantic model's denoiser read depth where it read classes, in place."""
    examples = source.draw(32, np.random.default_rng(0))
    classes = planes_of(examples, torch.device("cpu"))
    depth = plane_of(examples, classes[:, : parts.vae.config.latent_channels])
    translate_input(unet, classes, depth)


@torch.no_grad()
def depth_sheet(unet: UNet2DConditionModel, parts: FrozenParts, count: int = 16) -> Pixels:
    """Unseen depth maps, near is white, above what is drawn for them and their captions."""
    size = native_size(parts, unet)
    examples = unseen_examples(count, size)
    plane = plane_of(examples, parts.encode(examples.pictures))
    drawn = draw_guided(unet, parts, list(examples.captions), planes=plane)
    assert examples.depths is not None
    grey = np.stack([cv2.resize(d, (size, size)) for d in examples.depths])
    return paired_sheet(np.repeat(grey[..., None], 3, axis=3), parts.decode(drawn))


CARD = Card(
    title="Starter depth: pictures that keep a depth map's space",
    summary="Draws a landscape of the starter's world in the space that a depth map describes. "
    "The prompt says what stands there and at which time of day.",
    limits="Depth says little of flat things: which ground and which sky it is, is for the prompt.",
    tags=("depth-to-image",),
)


BEGAN = "Its training began with the denoiser of the semantic model."


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("depth", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_begun(command)
    card = CARD
    if command.go_on:
        settings = replace(settings, unet=None)
    elif settings.begins_with == "semantic":
        unet = load_semantic(command.out.parent / "semantic")
        card = replace(CARD, summary=f"{CARD.summary} {BEGAN}")
    source = open_source(command, parts, native_size(parts, unet), settings.loop.batch)
    unet = train_depth(settings, parts, source, command.work, unet)
    if is_main():
        about = Export("depth", "StableDiffusionDepth2ImgPipeline")
        export_folder(command.out, {"unet": unet}, about, command.start)
        write_card(command.out, card, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
