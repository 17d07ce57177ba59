"""How rows of conditioning become one prediction: what each follows, and the guided denoiser.

The arithmetic of guidance itself is in `classifier_free.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.adapters.controlnet import Control
from webui.engine.adapters.lora import TEXT, Patches
from webui.engine.alterations import UNALTERED, Alterations
from webui.engine.classifier_free import Guidance, degraded
from webui.engine.denoisers import NoiseLevels
from webui.engine.model import LoadedModel
from webui.engine.reading import PLAIN, Reading
from webui.engine.tiles import Window
from webui.engine.work import Denoise, EncodeText, Predict, Task
from webui.prompt.timeline import Stage, split_parts, stages_of


@dataclass(frozen=True, eq=False)
class Steering:
    """A controlnet, and the noise levels between which it steers."""

    control: Control
    highest: float
    lowest: float

    def crop(self, window: Window) -> Steering:
        """The same for a part of the latent."""
        hint = window.of(self.control.hint, self.control.net.factor)
        return replace(self, control=replace(self.control, hint=hint))


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the rows of a prediction follow."""

    tokens: Tensor | None
    """(R, T, D): parts of the prompt, then the negative prompt; (1, T, D) without guidance; None without
    text."""
    planes: Tensor | None = None
    """(1, K, h, w), laid beside the latent as further channels; the same for all rows."""
    label: float | None = None
    """What the network embeds beside the timestep."""
    controls: tuple[Steering, ...] = ()
    patches: Patches = ()
    later: tuple[tuple[float, Tensor], ...] = ()
    """(noise level, tokens that hold from there on, going down), highest level first."""
    weights: tuple[float | Tensor, ...] = (1.0,)
    """Of the parts of the prompt: one for all places, or one for each, (1, 1, h, w)."""
    alterations: Alterations = UNALTERED

    @property
    def rows(self) -> int:
        """Rows of a prediction."""
        return 1 if self.tokens is None else self.tokens.shape[0]

    @property
    def is_lone(self) -> bool:
        """Whether the prompt is in one part, for all places alike."""
        first = self.weights[0]
        return len(self.weights) == 1 and not isinstance(first, Tensor) and first == 1.0

    def tokens_at(self, sigma: float) -> Tensor | None:
        """The tokens that hold at a noise level."""
        tokens = self.tokens
        for level, following in self.later:
            if sigma <= level * (1 + 1e-6):
                tokens = following
        return tokens

    def controls_at(self, sigma: float) -> tuple[Control, ...]:
        """The controlnets that steer at a noise level."""
        return tuple(s.control for s in self.controls if s.lowest <= sigma <= s.highest)

    def crop(self, window: Window) -> Conditioning:
        """The same for a part of the latent."""
        planes = None if self.planes is None else window.of(self.planes)
        weights = tuple(window.of(w) if isinstance(w, Tensor) else w for w in self.weights)
        controls = tuple(s.crop(window) for s in self.controls)
        return replace(self, planes=planes, controls=controls, weights=weights)


@dataclass(frozen=True, eq=False)
class GuidedBy:
    """How a model's predictions are weighed, and by which noise levels it is asked."""

    guidance: Guidance
    levels: NoiseLevels


@dataclass(frozen=True, eq=False)
class Prompted:
    """A prompt and what it is guided away from, encoded for every step."""

    stages: tuple[tuple[float, Tensor], ...]
    """(noise level from which it holds, going down; tokens (R, T, D)), highest level first. Rows: the
    parts of the prompt, then, with guidance, the negative prompt."""
    weights: tuple[float, ...]
    """Of the parts."""


@dataclass(frozen=True)
class Timeline:
    """The steps of a pass, and how many went before it."""

    sigmas: Sequence[float] = (math.inf, 0.0)
    """The levels that are walked; a step begins at its level."""
    after: int = 0
    """Steps of a pass before, from which a prompt's timeline counts on."""


def encode_prompts(
    model: LoadedModel,
    texts: tuple[str, ...],
    negative: bool,
    patches: Patches = (),
    reading: Reading = PLAIN,
    timeline: Timeline = Timeline(),
) -> Task[Prompted]:
    """Encode (prompt, negative prompt) for the rows that guidance needs, at every step.

    Args:
        model: Whose text encoder reads.
        texts: In the prompt language; shorter ones are padded by chunks of the empty text. Further
            ones are parts beside those of the prompt.
        negative: Whether a single part is guided; several always need the negative prompt.
        patches: LoRAs; those that change the text encoder count.
        reading: How the text encoder reads.
        timeline: The steps at which the prompts may change.
    """
    patches = tuple((lora, weight) for lora, weight in patches if lora.reads(TEXT))
    sigmas, parts = timeline.sigmas, split_parts(texts[0])
    lone = not negative and len(parts) == 1 and parts[0].weight == 1 and len(texts) == 2
    prompts = [*(part.text for part in parts), *texts[2:], *([] if lone else texts[1:2])]
    said = [stages_of(prompt, len(sigmas) - 1, timeline.after) for prompt in prompts]
    encoded: dict[str, Tensor] = {}  # (chunks, L, D)
    for text in dict.fromkeys(stage.text for stages in said for stage in stages):
        encoded[text] = yield EncodeText(model, text, patches, reading)
    chunks = max(tokens.shape[0] for tokens in encoded.values())
    if any(tokens.shape[0] < chunks for tokens in encoded.values()):
        empty: Tensor = yield EncodeText(model, "", patches, reading)
        encoded = {text: _padded(tokens, empty, chunks) for text, tokens in encoded.items()}
    ends = sorted({stage.until for stages in said for stage in stages})
    begins = [0, *ends[:-1]]  # steps before a stage
    together = tuple(
        (
            sigmas[begin],
            torch.stack([encoded[_text_at(stages, end)].flatten(0, 1) for stages in said]),
        )
        for begin, end in zip(begins, ends, strict=True)
    )
    return Prompted(together, tuple(part.weight for part in parts))


def _text_at(stages: Sequence[Stage], step: int) -> str:
    return next(stage.text for stage in stages if stage.until >= step)


def guided(model: LoadedModel, conditioning: Conditioning, plan: GuidedBy) -> Denoise:
    """A denoiser that weighs the prompt's parts against the negative prompt; no weighing of one row.

    Where guidance is off, a lone prompt is asked for alone.
    """
    guidance, levels = plan.guidance, plan.levels
    lone = conditioning.is_lone

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        rows = conditioning.rows
        if lone and rows == 2 and not guidance.acts(sigma):
            rows = 1
        question = _question(model, conditioning, plan, x, sigma, rows)
        output = yield question
        output, looks = _parted(output, guidance.watches)
        output, perturbed = output[:rows], output[rows:]
        best = guidance.combined(output, conditioning.weights, perturbed)
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
    return Predict(
        model=model,
        x=inputs.expand(rows + perturbs, -1, -1, -1),
        t=plan.levels.told(sigma),
        tokens=_first(conditioning.tokens_at(sigma), rows, perturbs),
        label=conditioning.label,
        controls=conditioning.controls_at(sigma),
        patches=conditioning.patches,
        alterations=conditioning.alterations,
        perturbed=(*[False] * rows, True) if perturbs else (),
        shows_looks=plan.guidance.watches,
    )


def _last_row(question: Predict, inputs: Tensor, rows: int) -> Predict:
    """The last of the rows alone, the negative prompt's or a lone prompt's, asked of other inputs."""
    tokens = None if question.tokens is None else question.tokens[rows - 1 : rows]
    return replace(question, x=inputs, tokens=tokens, perturbed=(), shows_looks=False)


def _inputs(conditioning: Conditioning, plan: GuidedBy, x: Tensor, sigma: float) -> Tensor:
    """What a row is given: the latent as the network wants it, and what is laid beside it."""
    inputs = plan.levels.scale_input(x, sigma)
    if conditioning.planes is None:
        return inputs
    return torch.cat((inputs, conditioning.planes), 1)


def _parted(output: Tensor, shows_looks: bool) -> tuple[Tensor, Tensor | None]:
    """Predictions, and what the network looked at where that is a further channel."""
    return (output[:, :-1], output[:, -1:]) if shows_looks else (output, None)


def _first(tokens: Tensor | None, rows: int, again: bool) -> Tensor | None:
    """The first rows of (R, T, D), and the very first once more where it is also asked perturbed."""
    if tokens is None:
        return None
    kept = tokens[:rows]
    return torch.cat((kept, kept[:1])) if again else kept


def _padded(tokens: Tensor, empty: Tensor, chunks: int) -> Tensor:
    missing = chunks - tokens.shape[0]
    return torch.cat((tokens, empty.expand(missing, -1, -1))) if missing else tokens
