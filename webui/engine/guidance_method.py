"""A way to make one guess of the prompt's and the negative prompt's: what it is given, and where it stands.

Methods see guesses of the clean latent, whatever the network predicts: x - guess is the noise that it takes for
noise, along which samplers walk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from webui.engine.denoisers import NoiseLevels
from webui.engine.extending import Moment


@dataclass(frozen=True, eq=False)
class Guesses:
    """What a guidance method is given at an evaluation of the network; each tensor is (1, C, h, w)."""

    prompt: Tensor
    """Guess of the clean latent that follows the prompt, all its parts by their weights."""
    negative: Tensor
    """That which follows the negative prompt."""
    x: Tensor
    """The noisy latent, x0 + sigma * noise."""
    scale: float
    """The guidance scale."""
    moment: Moment
    memory: dict[str, Tensor] = field(default_factory=dict)
    """What the method keeps until the next evaluation of this pass; empty at the first."""


GuidanceMethod = Callable[[Guesses], Tensor]
"""From both guesses to the one that is followed, (1, C, h, w)."""


@dataclass(frozen=True, eq=False)
class MethodAt:
    """A method at one evaluation, over predictions as the network makes them."""

    method: GuidanceMethod
    levels: NoiseLevels
    x: Tensor
    moment: Moment
    memory: dict[str, Tensor]

    def __call__(self, prompt: Tensor, negative: Tensor, scale: float) -> Tensor:
        """One prediction (1, C, h, w) of the prompt's and the negative prompt's."""
        x, sigma = self.x, self.moment.sigma
        follows, avoids = (self.levels.denoised(x, sigma, output) for output in (prompt, negative))
        guess = self.method(Guesses(follows, avoids, x, scale, self.moment, self.memory))
        return self.levels.predicted(x, sigma, guess)
