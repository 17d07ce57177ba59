"""Where extensions may take part in a picture: what programs ask, and the answer when nobody does."""

# ruff: noqa: ARG002 - nobody takes part, so nobody looks at the arguments
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from webui.contracts.choices import CLASSIFIER_FREE, SamplerInfo
from webui.contracts.choices import SAMPLERS as INFOS
from webui.contracts.errors import BadRequest

if TYPE_CHECKING:
    from webui.engine.guidance import Conditioning
    from webui.engine.guidance_method import GuidanceMethod
    from webui.engine.model import LoadedModel
    from webui.engine.samplers.common import Sampler
    from webui.engine.schedules import Schedule
    from webui.engine.work import Pixels, Program, Task


def _nothing_to_weigh(scale: float) -> Tensor:
    raise ValueError(
        f"The prediction at scale {scale:g} was asked for where no rows are weighed; only change_guidance has them."
    )


@dataclass(frozen=True)
class Moment:
    """Where on its way a picture is."""

    sigma: float
    """The noise level that the network is asked at."""
    step: int
    """The step that it belongs to, from 1."""
    steps: int
    """Steps of this pass."""
    at_scale: Callable[[float], Tensor] = _nothing_to_weigh
    """What classifier-free guidance of another scale makes of the rows, (1, C, h, w); at `change_guidance` only."""

    @classmethod
    def at(
        cls,
        sigma: float,
        sigmas: Sequence[float],
        at_scale: Callable[[float], Tensor] = _nothing_to_weigh,
    ) -> Moment:
        """The moment of a noise level on a walk over these, of which the last is 0."""
        begun = sum(level >= sigma * (1 - 1e-6) for level in sigmas[:-1])
        return cls(sigma, max(begun, 1), max(len(sigmas) - 1, 1), at_scale)


class Extending:
    """What takes part in one picture; this one is nobody, and gives everything back as it was.

    Each method is given a value and gives back what goes on in its place.
    """

    def sampler_info(self, name: str) -> SamplerInfo:
        """The sampler of this name.

        Raises:
            BadRequest: there is none.
        """
        for info in INFOS:
            if info.name == name:
                return info
        raise BadRequest(_missing("sampler", name))

    def sampler(self, name: str) -> Sampler | None:
        """The function of an extension's sampler; None for Easel's own."""
        return None

    def schedule(self, name: str) -> Schedule | str:
        """The function of an extension's schedule; its name for Easel's own.

        Raises:
            BadRequest: it is an extension's, and not there.
        """
        if "/" in name:
            raise BadRequest(_missing("schedule", name))
        return name

    def upscaler(self, name: str) -> Callable[[Pixels, int, int], Task[Pixels]] | None:
        """The function of an extension's upscaler; None for files and Easel's own."""
        return None

    def guidance_method(self, name: str) -> GuidanceMethod | None:
        """The function of a guidance method; None for classifier-free guidance.

        Raises:
            BadRequest: there is none.
        """
        if name != CLASSIFIER_FREE:
            raise BadRequest(_missing("guidance method", name))
        return None

    def program(self, program: Program, model: LoadedModel) -> Program:
        """The program that is run."""
        return program

    def conditioning(self, conditioning: Conditioning) -> Conditioning:
        """What the rows of each prediction follow."""
        return conditioning

    def latent(self, latent: Tensor, moment: Moment) -> Tensor:
        """The noisy latent (1, C, h, w) that a step begins with."""
        return latent

    def guidance(self, guided: Tensor, output: Tensor, moment: Moment) -> Tensor:
        """The one prediction (1, C, h, w) that is made of the network's rows (R, C, h, w)."""
        return guided

    def denoised(self, denoised: Tensor, moment: Moment) -> Tensor:
        """The guess of the clean latent that the sampler is given."""
        return denoised

    def sampled(self, latent: Tensor) -> Tensor:
        """The clean latent (1, C, h, w) at the end of a pass."""
        return latent

    def picture(self, pixels: Pixels) -> Pixels:
        """The finished picture, (height, width, 3) of uint8."""
        return pixels


UNEXTENDED = Extending()


def _missing(what: str, name: str) -> str:
    return (
        f"The worker has no {what} {name!r}. If it is an extension's, enable the extension "
        "(python launch.py extensions list), or choose another."
    )
