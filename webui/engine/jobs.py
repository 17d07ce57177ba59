"""What the engine remembers of a job while it runs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from webui.contracts.errors import JobFailed
from webui.contracts.ids import AdapterId, ImageId, JobId
from webui.contracts.messages import RunJob
from webui.contracts.parameters.turns import PRIORITIES, Priority
from webui.contracts.parameters.words import TEXTS
from webui.contracts.steps import steps_of
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.store import Adapter
from webui.engine.adapters.vae import LoadedVae
from webui.engine.deep_cache import StepCache, can_reuse
from webui.engine.extensions import ExtensionSet
from webui.engine.model import LoadedModel
from webui.engine.packed.eight_bits import can_count
from webui.engine.previewer import Previewer
from webui.engine.programs import PictureOrder
from webui.engine.residency import Lease
from webui.engine.texts import unread_note
from webui.engine.token_merging import can_merge
from webui.engine.work import Predict, Program, Work
from webui.prompt.reading import read_text


class RunningJob:
    """A job: pictures still to start, steps done, previews shown."""

    def __init__(self, command: RunJob, previewer: Previewer) -> None:
        request = command.request
        self.id: JobId = command.job_id
        self.command = command
        self.previewer = previewer
        self.priority = PRIORITIES[request.priority]
        self.lease: Lease | None = None
        self.other_leases: list[Lease] = []
        """Of further models that the request names."""
        self.extensions: ExtensionSet | None = None
        """Those that it began with; held until it ends."""
        self.adapters: dict[AdapterId, Adapter] = {}
        """Those of the request that are in memory; held, so that none goes while it is needed."""
        self.to_start = deque(i for i in range(request.count) if i not in command.skip)
        self.live = 0
        """Programs that are going."""
        self.steps_each = steps_of(request, command.checkpoint)
        self.shown_at = float("-inf")
        """Time of the last preview."""
        self._done = dict.fromkeys(command.skip, self.steps_each)
        self._fresh: dict[int, Tensor] = {}
        self._shown: dict[int, float] = {}
        self._notes: list[str] = []

    def note(self, text: str) -> str | None:
        """All that is to be said of it, with this; None when that is not new."""
        if text in self._notes:
            return None
        self._notes.append(text)
        return " ".join(self._notes)

    @property
    def step(self) -> int:
        """Denoising steps done, over all pictures."""
        return sum(self._done.values())

    @property
    def steps(self) -> int:
        """Denoising steps to do, over all pictures."""
        return self.steps_each * self.command.request.count

    @property
    def is_over(self) -> bool:
        """Whether all pictures are made."""
        return not self.to_start and self.live == 0

    @property
    def leases(self) -> list[Lease]:
        """Of all models that it holds."""
        return self.other_leases if self.lease is None else [self.lease, *self.other_leases]

    def new_cache(self) -> StepCache | None:
        """For the steps of one picture; None where each is computed whole."""
        interval = self.command.request.deep_cache_interval
        if interval == 1 or self.lease is None or not can_reuse(self.lease.model.unet):
            return None
        return StepCache(interval)

    def note_savings(self) -> str | None:
        """A sentence where the model cannot save what the request asks it to."""
        request, model = self.command.request, None if self.lease is None else self.lease.model
        if model is None:
            return None
        missed = []
        if request.deep_cache_interval > 1 and not can_reuse(model.unet):
            missed.append("reuse the deep part of its network")
        if request.token_merging_ratio > 0 and not can_merge(model.unet):
            missed.append("merge tokens")
        if request.eight_bits and not can_count(model.unet):
            missed.append("be computed in eight bits by this machine")
        return f"This model cannot {' or '.join(missed)}: every step is exact." if missed else None

    def note_unread(self) -> str | None:
        """A sentence where LoRAs of the request change what the model has not."""
        loras = [lora for lora in self.adapters.values() if isinstance(lora, LoadedLora)]
        return None if self.lease is None else unread_note(self.lease.model, loras)

    def check_equipment(self) -> None:
        """See that the order came with all adapters that its request names, each of its kind.

        Raises:
            JobFailed: one is missing, or is of the other kind.
        """
        kinds = {info.id: info.kind for info in self.command.adapters}
        request = self.command.request
        wanted = [("controlnet", use.adapter) for use in request.controls]
        wanted += [("vae", name) for name in request.vaes]
        # An upscaler that it was told nothing of may be an extension's: `PictureOrder.upscaler` knows.
        wanted += [("upscaler", name) for name in request.upscaler_networks if name in kinds]
        for text in request.every_text:
            wanted += [(use.kind, use.adapter) for use in text.every_lora]
            wanted += [("embedding", name) for name in text.embeddings]
        for kind, adapter in wanted:
            if kinds.get(adapter) != kind:
                raise JobFailed(
                    f"The request names the {kind} {adapter!r}, and the worker was told of "
                    f"{f'a {kinds[adapter]}' if adapter in kinds else 'none'} of this name. "
                    "Look at the models folder and try again."
                )

    @property
    def model(self) -> LoadedModel:
        """Its model, with the first stage that the request names in place of its own.

        Raises:
            JobFailed: that first stage does not fit.
        """
        assert self.lease is not None, "a job is begun with a lease of its model"
        for name in self.command.request.vaes:
            if isinstance(vae := self.adapters[name], LoadedVae):
                return vae.put_into(self.lease.model)
        return self.lease.model

    def order(self, index: int) -> PictureOrder:
        """What the program of a picture is given."""
        images = {ImageId(name): Path(file) for name, file in self.command.images.items()}
        request, text = self.command.request, self.command.request.text_of(index)
        words = {name: read_text(getattr(text, name)) for name in TEXTS}
        own = request.model_copy(update={**words, "loras": text.loras})
        return PictureOrder(
            own, index, images, self.adapters,
            embeddings=text.embeddings, hires_loras=text.hires_loras,
            models={lease.model.checkpoint.id: lease.model for lease in self.other_leases},
        )  # fmt: skip

    def note_step(self, index: int, step: int, denoised: Tensor) -> None:
        """A picture moved on."""
        self._done[index] = step
        self._fresh[index] = denoised

    def take_fresh(self) -> dict[int, Tensor]:
        """Guesses of the pictures that moved on since the last call."""
        fresh, self._fresh = self._fresh, {}
        return fresh

    def choose_shown(self, fresh: dict[int, Tensor], now: float) -> int:
        """The picture that a preview shows: of those that moved on, the longest unseen."""
        index = min(fresh, key=lambda i: (self._shown.get(i, float("-inf")), i))
        self._shown[index] = self.shown_at = now
        return index


@dataclass(eq=False)
class RunningProgram:
    """A program and the work that it waits for."""

    job: RunningJob
    index: int
    program: Program
    waits_for: Work | None = field(default=None)
    """None while it is being advanced."""
    since: int = 0
    """Tick in which it began to wait."""
    cache: StepCache | None = None
    """What its steps reuse, where the request asks for it."""

    def saving(self, work: Work) -> Work:
        """The work with less arithmetic, where the request asks for it and the model can."""
        if not isinstance(work, Predict):
            return work
        ratio = self.job.command.request.token_merging_ratio
        if ratio and can_merge(work.model.unet):
            work = replace(work, merging=ratio)
        if self.job.command.request.eight_bits and can_count(work.model.unet):
            work = replace(work, eight_bits=True)
        return work if self.cache is None else self.cache.prepare(work)

    @property
    def work(self) -> Work:
        """What it waits for."""
        assert self.waits_for is not None
        return self.waits_for

    @property
    def priority(self) -> Priority:
        """Of its job."""
        return self.job.priority
