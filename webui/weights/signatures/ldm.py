"""The systems that were released with the latent-diffusion papers, recognised by names and shapes.

What a model is for shows in its conditioning stage and its channels. What its weights do not show (heads
of attention, noise schedule, scale of its latents) is that of the released system that is most like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.checkpoint import Task
from webui.weights.ldm import first_stage, unet
from webui.weights.ldm.first_stage import FirstStageShape
from webui.weights.ldm.heads import Heads
from webui.weights.ldm.unet import Shapes, UnetShape

CONDITION = "cond_stage_model."
WORDS = f"{CONDITION}transformer.token_emb.weight"
PLACES = f"{CONDITION}transformer.pos_emb.emb.weight"
CLASSES = f"{CONDITION}embedding.weight"
MAPPER = f"{CONDITION}channel_mapper.weight"
SCALE = "scale_factor"
ALPHAS = "alphas_cumprod"
LAYOUT_PLACES = 92
"""Tokens of a layout: thirty boxes of three, and two for the crop."""


@dataclass(frozen=True)
class Released:
    """A system of the papers' configurations."""

    name: str
    task: Task
    channels: int
    """Of the finest level of its denoising network."""
    heads: Heads
    cells: int
    """Sides of the latent that it was trained on."""
    betas: tuple[float, float]
    """First and last; in between their roots are evenly spaced."""
    scale: float = 1.0
    """Latents are multiplied by it."""


_WIDE32, _ONE, _EIGHT = Heads(width=32), Heads(count=1), Heads(count=8)
RELEASED: tuple[Released, ...] = (
    Released("txt2img-1p4B", "text", 320, _EIGHT, 32, (0.00085, 0.012), 0.18215),
    Released("text2img256", "text", 192, _WIDE32, 64, (0.0015, 0.0195)),
    Released("cin256", "class", 256, _WIDE32, 32, (0.0015, 0.0195)),
    Released("cin256-v2", "class", 192, _ONE, 64, (0.0015, 0.0195)),
    Released(
        "celeba256, ffhq256, lsun_beds256", "unconditional", 224, _WIDE32, 64, (0.0015, 0.0195)
    ),
    Released("lsun_churches256", "unconditional", 192, _EIGHT, 32, (0.0015, 0.0155)),
    Released("semantic_synthesis", "semantic", 128, _EIGHT, 64, (0.0015, 0.0205)),
    Released("layout2img-openimages256", "layout", 128, _WIDE32, 64, (0.0015, 0.0205)),
    Released("bsr_sr", "upscale", 160, _WIDE32, 64, (0.0015, 0.0155)),
    Released("inpainting_big", "inpaint", 256, _EIGHT, 64, (0.0015, 0.0205)),
    Released("rdm768x768", "retrieval", 448, _WIDE32, 48, (0.0015, 0.015), 0.22765929),
)


@dataclass(frozen=True)
class LdmSystem:
    """A model in the original layout."""

    task: Task
    denoiser: UnetShape
    stage: FirstStageShape
    like: Released
    """What its weights do not show is as with this one."""
    labels: int = 0
    """Classes that it knows: of pictures, of a map, or of a table with one more row for none."""
    vocabulary: int = 0
    """Tokens of its text encoder; 0 where it has none."""

    @property
    def reads_text(self) -> bool:
        """Whether a prompt tells it anything."""
        return self.task == "text"


def recognise(shapes: Shapes) -> LdmSystem:
    """The system whose weights have these names and shapes.

    Raises:
        ValueError: they are of something else; says what is missing or does not fit.
    """
    if f"{unet.PREFIX}input_blocks.0.0.weight" not in shapes:
        raise ValueError("it has no denoising network in the layout of latent-diffusion")
    denoiser = UnetShape.of(within(shapes, unet.PREFIX))
    stage = FirstStageShape.of(within(shapes, first_stage.PREFIX))
    task = _task(shapes, denoiser, stage)
    if denoiser.out_channels != stage.latent_channels:
        raise ValueError(
            f"its denoising network makes {denoiser.out_channels} channels and its first stage has "
            f"{stage.latent_channels}"
        )
    rows = {"class": CLASSES, "text": WORDS, "layout": WORDS}.get(task)
    return LdmSystem(
        task,
        denoiser,
        stage,
        _most_like(task, denoiser),
        labels=shapes[MAPPER][1]
        if task == "semantic"
        else shapes[CLASSES][0]
        if task == "class"
        else 0,
        vocabulary=shapes[rows][0] if rows == WORDS else 0,
    )


def within(shapes: Shapes, prefix: str) -> Mapping[str, tuple[int, ...]]:
    """Those below a prefix, without it."""
    return {n.removeprefix(prefix): shape for n, shape in shapes.items() if n.startswith(prefix)}


def _task(shapes: Shapes, denoiser: UnetShape, stage: FirstStageShape) -> Task:
    """What the model is for: by its conditioning stage, else by the channels beside its latent."""
    if WORDS in shapes and PLACES in shapes:
        return "layout" if shapes[PLACES][0] == LAYOUT_PLACES else "text"
    if CLASSES in shapes and denoiser.context is not None:
        return "class"
    beside = denoiser.in_channels - stage.latent_channels
    if MAPPER in shapes and shapes[MAPPER][0] == beside:
        return "semantic"
    others = [
        n
        for n in shapes
        if n.startswith((f"{CONDITION}transformer.text_model", f"{CONDITION}model."))
    ]
    if others or "label_emb.weight" in within(shapes, unet.PREFIX):
        raise ValueError("its text encoder is CLIP's, as in Stable Diffusion")
    if denoiser.context is not None:
        if beside == 0 and stage.latent_channels > 4:
            return "retrieval"
        raise ValueError("it attends to tokens, and what makes them is not in the file")
    if beside == 0:
        return "unconditional"
    if beside == 3:
        return "upscale"
    if beside == stage.latent_channels + 1:
        return "inpaint"
    raise ValueError(
        f"its denoising network takes {beside} channels beside the latent, which are unknown"
    )


def _most_like(task: Task, denoiser: UnetShape) -> Released:
    """The released system of the task of this width, else the first of the task."""
    of_task = [system for system in RELEASED if system.task == task]
    return next((s for s in of_task if s.channels == denoiser.channels[0]), of_task[0])
