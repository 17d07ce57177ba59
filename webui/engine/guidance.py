"""How rows of conditioning become one prediction: what each follows, and the guided denoiser.

The arithmetic of guidance itself is in `classifier_free.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.adapters.control import Control
from webui.engine.adapters.lora import (
    Patches,
    PatchStages,
    patch_key,
    patches_at,
    stages_of_text,
)
from webui.engine.alterations import UNALTERED, Alterations
from webui.engine.classifier_free import Guidance, degraded
from webui.engine.denoisers import NoiseLevels
from webui.engine.model import LoadedModel
from webui.engine.reading import PLAIN, Reading
from webui.engine.tiles import Window
from webui.engine.work import Denoise, EncodedText, EncodeText, Predict, Task
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
class TextRows:
    """What the rows of a prediction are told in words: parts of the prompt, then the negative prompt.

    Without guidance it is one row.
    """

    tokens: Tensor
    """(R, T, D)."""
    pooled: Tensor | None = None
    """(R, P)."""

    @classmethod
    def of(cls, texts: Sequence[EncodedText]) -> TextRows:
        """Rows of texts of as many chunks each."""
        pooled = [text.pooled for text in texts if text.pooled is not None]
        tokens = torch.stack([text.row for text in texts])
        return cls(tokens, torch.stack(pooled) if pooled else None)

    @property
    def count(self) -> int:
        """How many."""
        return self.tokens.shape[0]

    def beside(self, tokens: Tensor) -> TextRows:
        """With further tokens (R, L, D) behind each row's."""
        return replace(self, tokens=torch.cat((self.tokens, tokens), 1))


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
        return replace(self, planes=planes, controls=controls, weights=weights)


@dataclass(frozen=True, eq=False)
class GuidedBy:
    """How a model's predictions are weighed, and by which noise levels it is asked."""

    guidance: Guidance
    levels: NoiseLevels


@dataclass(frozen=True, eq=False)
class Prompted:
    """A prompt and what it is guided away from, encoded for every step."""

    stages: tuple[tuple[float, TextRows], ...]
    """(noise level from which they hold, going down; the texts), highest level first."""
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
    patches: PatchStages = (),
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
    patches = stages_of_text(patches)
    sigmas, parts = timeline.sigmas, split_parts(texts[0])
    lone = not negative and len(parts) == 1 and parts[0].weight == 1 and len(texts) == 2
    prompts = [*(part.text for part in parts), *texts[2:], *([] if lone else texts[1:2])]
    said = [stages_of(prompt, len(sigmas) - 1, timeline.after) for prompt in prompts]
    ends = sorted({s.until for stages in said for s in stages} | {until for until, _ in patches})
    encoder = _Encoder(model, reading)
    rows: list[list[EncodedText]] = []  # of each prompt, at the end of each stage
    for end in ends:
        rows.append([])
        for stages in said:
            text = _text_at(stages, end)
            rows[-1].append((yield from encoder.read(text, patches_at(patches, end))))
    chunks = max(text.chunks for row in rows for text in row)
    zeroed = not lone and model.traits.zeroes_empty_negative
    together = []
    for begin, end, row in zip([0, *ends[:-1]], ends, rows, strict=True):  # steps before, and last
        if any(text.chunks < chunks for text in row):
            empty = yield from encoder.read("", patches_at(patches, end))
            row = [text.padded(empty, chunks) for text in row]
        if zeroed and not _text_at(said[-1], end).strip():
            row = [*row[:-1], row[-1].zeroed()]
        together.append((sigmas[begin], TextRows.of(row)))
    return Prompted(tuple(together), tuple(part.weight for part in parts))


class _Encoder:
    """A text encoder that reads equal texts with equal LoRAs once."""

    def __init__(self, model: LoadedModel, reading: Reading) -> None:
        self._model = model
        self._reading = reading
        self._read: dict[object, EncodedText] = {}

    def read(self, text: str, patches: Patches) -> Task[EncodedText]:
        """What the text becomes."""
        key = text, patch_key(patches)
        if key not in self._read:
            self._read[key] = yield EncodeText(self._model, text, patches, self._reading)
        return self._read[key]


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
        blanks = guidance.blanks and rows > 1
        output = yield _with_blank(question, x.shape[1], rows) if blanks else question
        output, looks = _parted(output, guidance.watches)
        output, blank = (output[:-1], output[-1:]) if blanks else (output, output[:0])
        output, perturbed = output[:rows], output[rows:]
        best = guidance.combined(output, conditioning.weights, perturbed)
        if blanks:
            best = best + (output[-1:] - blank) * (guidance.image_scale - 1)
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
    text = conditioning.text_at(sigma)
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
        shows_looks=plan.guidance.watches,
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
        shows_looks=False,
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
