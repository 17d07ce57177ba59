"""Classifier-free guidance (Ho & Salimans 2022) and what tames it: the arithmetic, and when it acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from webui.contracts.choices import CLASSIFIER_FREE
from webui.contracts.request import GenerationRequest
from webui.engine.sampling_plan import Walk


@dataclass(frozen=True)
class Guidance:
    """How the rows of a prediction become one, at each noise level."""

    scale: float = 1.0
    method: str = CLASSIFIER_FREE
    """How the prompt's prediction and the negative prompt's become one."""
    rescale: float = 0.0
    """Share of the contrast that is brought back to the prompt's own (Lin et al. 2023, section 3.4)."""
    perturbed_scale: float = 0.0
    """Of perturbed-attention guidance."""
    looks_scale: float = 0.0
    """Of self-attention guidance."""
    looks_blur: float = 1.0
    """Standard deviation in cells of its blur."""
    wants_unguided: bool = False
    """Whether the unguided prediction is wanted beside the guided one (CFG++)."""
    acts_at: tuple[bool, ...] = ()
    """Whether it acts in each step; empty means always."""
    sigmas: tuple[float, ...] = ()
    """Levels of the steps that `acts_at` counts."""
    image_scale: float = 1.0
    """How hard the planes beside the latent steer where a network was taught to do without them (Brooks et al.
    2023, equation 3); 1 as they do by themselves."""

    @classmethod
    def of(cls, request: GenerationRequest, walk: Walk) -> Guidance:
        """What a request asks for along a walk.

        Guidance acts from a share of the steps to another (Kynkaanniemi et al. 2024). Below
        `negative_guidance_minimum_sigma` it acts in every other step only, as AUTOMATIC1111 has it.
        """
        count, first, last = walk.steps, request.guidance_start, request.guidance_end
        lowest = request.negative_guidance_minimum_sigma
        acts = tuple(
            first <= i / count < last and not (sigma < lowest and i % 2 == 1)
            for i, sigma in enumerate(walk.sigmas[:-1])
        )
        return cls(
            request.guidance_scale * walk.sampler.guidance_factor,
            request.guidance_method,
            request.guidance_rescale,
            request.pag_scale,
            request.sag_scale,
            request.sag_blur,
            walk.sampler.wants_unguided,
            () if all(acts) else acts,
            walk.sigmas,
        )

    @property
    def needs_negative(self) -> bool:
        """Whether a lone prompt needs a negative row at all."""
        guides = self.scale != 1 or self.blanks
        return (guides and (not self.acts_at or any(self.acts_at))) or self.wants_unguided

    def acts(self, sigma: float) -> bool:
        """Whether it acts at a noise level."""
        if not self.acts_at:
            return True
        step = sum(level >= sigma * (1 - 1e-6) for level in self.sigmas[:-1]) - 1
        return self.acts_at[max(step, 0)]

    @property
    def blanks(self) -> bool:
        """Whether the negative prompt is asked once more without the planes."""
        return self.image_scale != 1

    @property
    def watches(self) -> bool:
        """Whether what the network looks at is needed."""
        return self.looks_scale > 0

    @property
    def perturbs(self) -> bool:
        """Whether the first part of the prompt is asked once more with perturbed attention."""
        return self.perturbed_scale > 0

    def combined(
        self,
        output: Tensor,
        weights: Sequence[float | Tensor],
        perturbed: Tensor | None = None,
        method: Callable[[Tensor, Tensor, float], Tensor] | None = None,
    ) -> Tensor:
        """One prediction (1, C, h, w) of those of a prompt's parts and of the negative prompt.

        Args:
            output: (R, C, h, w); of a lone prompt without guidance one row.
            weights: Of the parts; a tensor (1, 1, h, w) weighs each place.
            perturbed: (1, C, h, w), of the first part with perturbed attention (Ahn et al. 2024,
                equation 15), where that is asked for.
            method: Makes one of the prompt's and the negative prompt's, of this scale; None is classifier-free.
        """
        if len(output) == 1:
            guided = prompt = output
        else:
            prompt = weighed(output, weights, 1.0)
            guided = (
                weighed(output, weights, self.scale)
                if method is None
                else method(prompt, output[-1:], self.scale)
            )
        if perturbed is not None and self.perturbs:
            guided = guided + (output[:1] - perturbed) * self.perturbed_scale
        if self.rescale > 0:
            guided = rescaled(guided, prompt, self.rescale)
        return guided


def degraded(guess: Tensor, looks: Tensor, blur: float) -> Tensor:
    """A guess (1, C, h, w) of the clean latent, blurred where the network looks more than the mean.

    Self-attention guidance (Hong et al. 2023, section 4.2, equation 14).

    Args:
        guess: To be blurred.
        looks: How much each cell is looked at, about 1, (1, 1, h, w).
        blur: Standard deviation of the Gaussian in cells; it reaches four cells.
    """
    places = torch.arange(-4, 5, device=guess.device, dtype=guess.dtype)
    kernel = torch.exp(-0.5 * (places / blur).square())
    kernel = (kernel / kernel.sum()).expand(guess.shape[1], 1, 1, -1)
    edge = [min(4, side - 1) for side in guess.shape[-2:]]  # a mirror shows no more than there is
    padded = functional.pad(guess, (edge[1], edge[1], edge[0], edge[0]), mode="reflect")
    padded = functional.pad(padded, (4 - edge[1],) * 2 + (4 - edge[0],) * 2, mode="replicate")
    across = functional.conv2d(padded, kernel, groups=guess.shape[1])
    soft = functional.conv2d(across, kernel.transpose(2, 3), groups=guess.shape[1])
    return torch.where(looks > 1, soft, guess)


def at_other_scale(output: Tensor, weights: Sequence[float | Tensor], scale: float) -> Tensor:
    """What guidance of this scale makes of rows; a lone row is what it is."""
    return output if len(output) == 1 else weighed(output, weights, scale)


def weighed(output: Tensor, weights: Sequence[float | Tensor], scale: float) -> Tensor:
    """Predictions (R, C, h, w) of a prompt's parts and of the negative prompt as one (1, C, h, w).

    Classifier-free guidance towards each part by its weight (Liu et al. 2022, equation 11). With
    weights of each place that sum to one it is the mixing of predictions of MultiDiffusion (Bar-Tal et
    al. 2023, equation 5).
    """
    negative = output[-1:]
    if len(weights) == 1:
        return torch.lerp(negative, output[:1], scale * weights[0])
    total = negative
    for i, weight in enumerate(weights):
        total = total + (output[i : i + 1] - negative) * (weight * scale)
    return total


def rescaled(guided: Tensor, prompt: Tensor, share: float) -> Tensor:
    """Guided prediction with this share of its standard deviation brought to the prompt's own.

    Lin et al. 2023 (Common Diffusion Noise Schedules and Sample Steps are Flawed), equations 15, 16.
    """
    spread = guided.std((1, 2, 3), keepdim=True)
    factor = prompt.std((1, 2, 3), keepdim=True) / spread.clamp(min=1e-12)
    return guided * (1 - share + share * factor)
