"""What a program is given beside its model: one picture of a request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webui.contracts.request import MAX_SEED, GenerationRequest
from webui.engine.model import LoadedModel


@dataclass(frozen=True)
class PictureOrder:
    """One picture of a request."""

    request: GenerationRequest
    index: int
    """0-based place among the request's pictures."""
    image_path: Path | None = None
    """File of the start image, where the request names one."""

    @property
    def seed(self) -> int:
        """The picture's own seed: it alone gives the same picture."""
        return (self.request.seed + self.index) % (MAX_SEED + 1)

    def size(self, model: LoadedModel) -> tuple[int, int]:
        """Width and height in pixels; the model's own where the request leaves them open."""
        checkpoint = model.checkpoint
        width, height = self.request.width, self.request.height
        return width or checkpoint.native_width, height or checkpoint.native_height


def steps_of(request: GenerationRequest) -> int:
    """Denoising steps that one picture of the request takes.

    With an image, the share that `denoising_strength` asks for, as AUTOMATIC1111 counts it: the
    first step of the share is run too, and strength 1 is all of them.
    """
    if request.image is None:
        return request.steps
    if request.denoising_strength == 0:
        return 0
    return int(min(request.denoising_strength, 0.999) * request.steps) + 1
