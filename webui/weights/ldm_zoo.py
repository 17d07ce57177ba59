"""The systems that were released with the latent-diffusion papers: what their weights do not show.

From the configurations of Rombach et al. 2022 and Blattmann et al. 2022. A model of other sizes is taken
to be as the released one that is most like it, or as the one that the .json beside it names.
"""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.checkpoint import Task
from webui.weights.ldm_heads import Heads


@dataclass(frozen=True)
class Released:
    """A system that was released."""

    name: str
    task: Task
    channels: int
    """Of the finest level of its denoising network."""
    heads: Heads
    cells: int
    """Sides of the latent that it was trained on."""
    betas: tuple[float, float]
    """First and last of the noise schedule; in between their roots are evenly spaced."""
    scale: float = 1.0
    """Latents are multiplied by it, where the file does not say."""


_WIDE32, _ONE, _EIGHT = Heads(width=32), Heads(count=1), Heads(count=8)
RELEASED: tuple[Released, ...] = (
    Released("txt2img-1p4B", "text", 320, _EIGHT, 32, (0.00085, 0.012), 0.18215),
    Released("text2img256", "text", 192, _WIDE32, 64, (0.0015, 0.0195)),
    Released("cin256", "class", 256, _WIDE32, 32, (0.0015, 0.0195)),
    Released("cin256-v2", "class", 192, _ONE, 64, (0.0015, 0.0195)),
    Released("celeba256", "unconditional", 224, _WIDE32, 64, (0.0015, 0.0195)),  # ffhq256, beds too
    Released("lsun_churches256", "unconditional", 192, _EIGHT, 32, (0.0015, 0.0155)),
    Released("semantic_synthesis256", "semantic", 128, _EIGHT, 64, (0.0015, 0.0205)),
    Released("layout2img-openimages256", "layout", 128, _WIDE32, 64, (0.0015, 0.0205)),
    Released("bsr_sr", "upscale", 160, _WIDE32, 64, (0.0015, 0.0155)),
    Released("inpainting_big", "inpaint", 256, _EIGHT, 64, (0.0015, 0.0205)),
    Released("rdm768x768", "retrieval", 448, _WIDE32, 48, (0.0015, 0.015), 0.22765929),
)


def released(name: str) -> Released | None:
    """The system of a name."""
    return next((system for system in RELEASED if system.name == name), None)


def most_like(task: Task, channels: int) -> Released:
    """The system for a task whose denoising network is as wide, else the first for the task.

    Raises:
        LookupError: none was released for it.
    """
    of_task = [system for system in RELEASED if system.task == task]
    if not of_task:
        raise LookupError(task)
    return next((s for s in of_task if s.channels == channels), of_task[0])
