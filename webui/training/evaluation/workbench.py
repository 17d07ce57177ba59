"""What every measurement needs at hand: the readers, unseen scenes, models and a place for files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from webui.contracts.ids import ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import Supplies, draw, load_folder
from webui.training.evaluation.metrics import ClassMap, Features
from webui.training.evaluation.unseen import REFERENCE_OFFSET, Unseen, unseen
from webui.training.judge import Judge, Verdict, judge_features, judge_pictures
from webui.training.runs import Pixels
from webui.training.segmenter import Segmenter, segment

TEXT_MODEL = ModelId("starter/text")
"""The baseline of every model that is told more than a text."""


@dataclass(frozen=True)
class Readers:
    """The two networks that read pictures."""

    judge: Judge
    segmenter: Segmenter


@dataclass(frozen=True)
class Look:
    """Pictures, and what the readers make of them, each read once and only if it is asked for."""

    readers: Readers
    pictures: Pixels

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """The judge's, one a picture."""
        return judge_pictures(self.readers.judge, self.pictures)

    @cached_property
    def features(self) -> Features:
        """The judge's, (N, F)."""
        return judge_features(self.readers.judge, self.pictures)

    @cached_property
    def class_maps(self) -> ClassMap:
        """The segmenter's, (N, 128, 128)."""
        return segment(self.readers.segmenter, self.pictures)


@dataclass(frozen=True)
class HowDrawn:
    """What all pictures of an evaluation share, where the model's own defaults say nothing."""

    steps: int = 20
    guidance_scale: float = 5.0


@dataclass(frozen=True)
class Workbench:
    """Readers, settings and folders of an evaluation; scenes and baselines are made once."""

    readers: Readers
    models: Path
    """Folder of models: `models/starter/text` is the model `starter/text`."""
    images: Path
    """Folder for curves and sheets."""
    scratch: Path
    """Temporary folder of condition pictures."""
    prompts: int = 500
    how: HowDrawn = field(default_factory=HowDrawn)
    _kept: dict[tuple[int, str], Pixels] = field(default_factory=dict)

    def load(self, model: ModelId) -> LoadedModel:
        """A model of the folder of models."""
        return load_folder(self.models / model, model)

    def look(self, pictures: Sequence[Pixels] | Pixels) -> Look:
        """Pictures with their readers."""
        return Look(self.readers, np.asarray(pictures))

    def supplies(self) -> Supplies:
        """An empty store for condition pictures."""
        return Supplies(self.scratch)

    def unseen(self, size: int) -> Unseen:
        """The scenes that prompts and conditions are taken from."""
        return unseen(self.prompts, size)

    def reference(self, size: int, count: int) -> Look:
        """Other unseen scenes, which drawn crowds are compared with."""
        return self.look(unseen(count, size, REFERENCE_OFFSET).pictures)

    def request(
        self, model: LoadedModel, prompt: str, seed: int, **fields: Any
    ) -> GenerationRequest:
        """A request at the model's own settings where it has any; further fields as given."""
        settings = {"steps": self.how.steps, "guidance_scale": self.how.guidance_scale}
        own = dict(model.checkpoint.defaults)
        return GenerationRequest.model_validate(
            {**settings, **own, "prompt": prompt, "seed": seed, **fields}
        )

    def draw_captions(
        self,
        model: LoadedModel,
        asked: Unseen,
        supplies: Supplies | None = None,
        each: Callable[[int], Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> Pixels:
        """A picture for each caption, seed i for caption i, (N, H, W, 3).

        Args:
            model: Draws.
            asked: The captions.
            supplies: Pictures and adapters that the requests name.
            each: Further fields of request i.
            fields: Further fields of all requests.
        """
        requests = [
            self.request(model, caption.text, i, **fields, **(each(i) if each else {}))
            for i, caption in enumerate(asked.captions)
        ]
        return np.stack(draw(model, requests, supplies))

    def from_text_alone(self, size: int, **fields: Any) -> Pixels:
        """What the text model makes of the same captions with the same seeds; drawn once."""
        key = (size, repr(fields))
        if len(self._kept.get(key, ())) < self.prompts:
            model = self.load(TEXT_MODEL)
            if model.checkpoint.native_width != size:
                fields |= {"width": size, "height": size}
            self._kept[key] = self.draw_captions(model, self.unseen(size), **fields)
        return self._kept[key][: self.prompts]


def blurred(pictures: Pixels, factor: int = 8) -> Pixels:
    """Pictures made smaller by a factor and large again: a floor for what looks at details."""
    height, width = pictures.shape[1:3]
    tiny, size = (width // factor, height // factor), (width, height)
    small = [cv2.resize(p, tiny, interpolation=cv2.INTER_AREA) for p in pictures]
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in small])
