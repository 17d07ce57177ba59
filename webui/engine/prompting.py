"""What a prompt and what it is guided away from become: rows of tokens for every step of a pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.adapters.lora import Patches, PatchStages, patch_key, patches_at, stages_of_text
from webui.engine.model import LoadedModel
from webui.engine.reading import PLAIN, Reading
from webui.engine.work import EncodedText, EncodeText, Task
from webui.prompt.timeline import Stage, split_parts, stages_of


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
    old: bool = False
    """Whether steps are counted by the old rule (`webui.prompt.timeline.stages_of`)."""


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
    steps = len(sigmas) - 1
    said = [stages_of(prompt, steps, timeline.after, timeline.old) for prompt in prompts]
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
