"""How rows of conditioning become one prediction: what each follows, and the guided denoiser.

The arithmetic of guidance itself is in `classifier_free.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from webui.engine.adapters.control import Control
from webui.engine.adapters.lora import (
    Patches,
)
from webui.engine.alterations import UNALTERED, Alterations
from webui.engine.classifier_free import Guidance, at_other_scale, degraded
from webui.engine.denoisers import NoiseLevels
from webui.engine.extending import UNEXTENDED, Extending, Moment
from webui.engine.guidance_method import MethodAt
from webui.engine.model import LoadedModel
from webui.engine.placing import Shares
from webui.engine.prompting import TextRows
from webui.engine.tiles import Window
from webui.engine.work import Denoise, Predict, Task


@dataclass(frozen=True, eq=False)
class Steering:
    """A controlnet, T2I-Adapter or IP-Adapter, and the noise levels between which it steers."""

    control: Control
    highest: float
    lowest: float

    def crop(self, window: Window) -> Steering:
        """The same for a part of the latent."""
        hint, mask, factor = self.control.hint, self.control.mask, self.control.net.factor
        if factor:  # else each part follows the whole picture
            hint = window.of(hint, factor)
        mask = None if mask is None else window.of(mask)
        return replace(self, control=replace(self.control, hint=hint, mask=mask))


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the rows of a prediction follow."""

    text: TextRows | None
    """None for a network without text."""
    planes: Tensor | None = None
    """(1, K, h, w), laid beside the latent as further channels; the same for all rows."""
    sizes: Tensor | None = None
    """(R, N): numbers about the picture that each row is told."""
    label: float | None = None
    """What the network embeds beside the timestep for all rows."""
    controls: tuple[Steering, ...] = ()
    patches: tuple[tuple[float, Patches], ...] = ()
    """(noise level from which they are at work, going down; LoRAs), highest level first."""
    later: tuple[tuple[float, TextRows], ...] = ()
    """(noise level, texts that hold from there on, going down), highest level first."""
    weights: tuple[float | Tensor, ...] = (1.0,)
    """Of the parts of the prompt: one for all places, or one for each, (1, 1, h, w)."""
    alterations: Alterations = UNALTERED
    places: Shares | None = None
    """Where the whole's rows look at the words of regions."""

    @property
    def rows(self) -> int:
        """Rows of a prediction."""
        return 1 if self.text is None else self.text.count

    @property
    def is_lone(self) -> bool:
        """Whether the prompt is in one part, for all places alike."""
        first = self.weights[0]
        return len(self.weights) == 1 and not isinstance(first, Tensor) and first == 1.0

    def text_at(self, sigma: float) -> TextRows | None:
        """The texts that hold at a noise level."""
        text = self.text
        for level, following in self.later:
            if sigma <= level * (1 + 1e-6):
                text = following
        return text

    def patches_at(self, sigma: float) -> Patches:
        """The LoRAs that are at work at a noise level."""
        found: Patches = self.patches[0][1] if self.patches else ()
        for level, following in self.patches[1:]:
            if sigma <= level * (1 + 1e-6):
                found = following
        return found

    def controls_at(self, sigma: float) -> tuple[Control, ...]:
        """The controlnets that steer at a noise level."""
        return tuple(s.control for s in self.controls if s.lowest <= sigma <= s.highest)

    def crop(self, window: Window) -> Conditioning:
        """The same for a part of the latent."""
        planes = None if self.planes is None else window.of(self.planes)
        weights = tuple(window.of(w) if isinstance(w, Tensor) else w for w in self.weights)
        controls = tuple(s.crop(window) for s in self.controls)
        places = self.places and replace(self.places, cells=window.of(self.places.cells))
        return replace(self, planes=planes, controls=controls, weights=weights, places=places)


@dataclass(frozen=True, eq=False)
class GuidedBy:
    """How a model's predictions are weighed, and by which noise levels it is asked."""

    guidance: Guidance
    levels: NoiseLevels
    extensions: Extending = UNEXTENDED


def guided(model: LoadedModel, conditioning: Conditioning, plan: GuidedBy) -> Denoise:
    """A denoiser that weighs the prompt's parts against the negative prompt; no weighing of one row.

    Where guidance is off, a lone prompt is asked for alone.
    """
    guidance, levels = plan.guidance, plan.levels
    lone = conditioning.is_lone
    method = plan.extensions.guidance_method(guidance.method)
    memory: dict[str, Tensor] = {}

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        rows = conditioning.rows
        if lone and rows == 2 and not guidance.acts(sigma):
            rows = 1
        question = _question(model, conditioning, plan, x, sigma, rows)
        blanks = guidance.blanks and rows > 1
        output = yield _with_blank(question, x.shape[1], rows) if blanks else question
        output, looks = _parted(output, guidance.watches)
        perturbed = output[rows : rows + 1] if guidance.perturbs else None
        blank = output[-1:] if blanks else None
        if len(output) > rows:
            output = output[:rows]
        by = method and MethodAt(method, levels, x, Moment.at(sigma, guidance.sigmas), memory)
        best = guidance.combined(output, conditioning.weights, perturbed, by)
        if blank is not None:
            best = best + (output[-1:] - blank) * (guidance.image_scale - 1)
        if plan.extensions is not UNEXTENDED:  # else nobody asks after the moment
            at_scale = partial(at_other_scale, output, conditioning.weights)
            moment = Moment.at(sigma, guidance.sigmas, at_scale)
            best = plan.extensions.guidance(best, output, moment)
        if looks is not None:
            last = levels.denoised(x, sigma, output[-1:])
            blurred = degraded(last, looks[rows - 1 : rows], guidance.looks_blur)
            inputs = _inputs(conditioning, plan, x + blurred - last, sigma)
            again = yield _last_row(question, inputs, rows)
            best = best + (output[-1:] - again) * guidance.looks_scale
        denoised = levels.denoised(x, sigma, best)
        if not guidance.wants_unguided:
            return denoised
        return torch.cat((denoised, levels.denoised(x, sigma, output[-1:])))

    return denoise


def _question(
    model: LoadedModel,
    conditioning: Conditioning,
    plan: GuidedBy,
    x: Tensor,
    sigma: float,
    rows: int,
) -> Predict:
    """The network asked for the first rows of the conditioning, and once more perturbed."""
    inputs, perturbs = _inputs(conditioning, plan, x, sigma), plan.guidance.perturbs
    text, places = conditioning.text_at(sigma), conditioning.places
    return Predict(
        model=model,
        x=inputs.expand(rows + perturbs, -1, -1, -1),
        t=plan.levels.told(sigma),
        tokens=_first(None if text is None else text.tokens, rows, perturbs),
        pooled=_first(None if text is None else text.pooled, rows, perturbs),
        sizes=_first(conditioning.sizes, rows, perturbs),
        label=conditioning.label,
        controls=conditioning.controls_at(sigma),
        patches=conditioning.patches_at(sigma),
        alterations=conditioning.alterations,
        perturbed=(*[False] * rows, True) if perturbs else (),
        negative=(*[False] * (rows - 1), rows > 1, *[False] * perturbs),
        shows_looks=plan.guidance.watches,
        places=None
        if places is None or text is None
        else places.told(text.tokens, rows + perturbs),
    )


def _with_blank(question: Predict, channels: int, rows: int) -> Predict:
    """The last of the rows once more, with 0 in place of the planes behind the latent's channels."""
    last, also = question.x[rows - 1 : rows], slice(rows - 1, rows)
    blank = torch.cat((last[:, :channels], torch.zeros_like(last[:, channels:])), 1)
    tokens = question.tokens
    return replace(
        question,
        x=torch.cat((question.x, blank)),
        tokens=None if tokens is None else torch.cat((tokens, tokens[also])),
        perturbed=(*question.perturbed, False) if question.perturbed else (),
        negative=(*question.negative, question.negative[rows - 1]),
        places=question.places and replace(question.places, rows=(*question.places.rows, False)),
    )


def _last_row(question: Predict, inputs: Tensor, rows: int) -> Predict:
    """The last of the rows alone, the negative prompt's or a lone prompt's, asked of other inputs."""
    tokens, pooled, sizes = (
        None if part is None else part[rows - 1 : rows]
        for part in (question.tokens, question.pooled, question.sizes)
    )
    return replace(
        question,
        x=inputs,
        tokens=tokens,
        pooled=pooled,
        sizes=sizes,
        perturbed=(),
        negative=question.negative[rows - 1 : rows],
        shows_looks=False,
        places=None,
    )


def _inputs(conditioning: Conditioning, plan: GuidedBy, x: Tensor, sigma: float) -> Tensor:
    """What a row is given: the latent as the network wants it, and what is laid beside it."""
    inputs = plan.levels.scale_input(x, sigma)
    if conditioning.planes is None:
        return inputs
    return torch.cat((inputs, conditioning.planes), 1)


def _parted(output: Tensor, shows_looks: bool) -> tuple[Tensor, Tensor | None]:
    """Predictions, and what the network looked at where that is a further channel."""
    return (output[:, :-1], output[:, -1:]) if shows_looks else (output, None)


def _first(values: Tensor | None, rows: int, again: bool) -> Tensor | None:
    """The first rows of (R, ...), and the very first once more where it is also asked perturbed."""
    if values is None:
        return None
    kept = values[:rows]
    return torch.cat((kept, kept[:1])) if again else kept
