"""The tick: gather what programs wait for, run what can run together, send the results back.

One program makes one picture; many go at once, of many jobs. Everything that concerns all of them
is here, once: batching, turns, cancel, failure, progress and previews. The engine has no thread of
its own and is used from one thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import EaselError, FileChanged
from webui.contracts.extension import HookFailure
from webui.contracts.ids import JobId
from webui.contracts.messages import (
    ExtensionCalled,
    ExtensionFailed,
    JobEnded,
    JobNoted,
    PictureReady,
    RunJob,
    StepDone,
    WorkerEvent,
)
from webui.contracts.parameters.extension_arguments import offered_by
from webui.engine.adapters.store import AdapterStore
from webui.engine.batching import Batcher, Limits, as_failure
from webui.engine.encodings import EncodingCache, EncodingCounts
from webui.engine.execute import execute
from webui.engine.extensions import WorkerExtensions
from webui.engine.jobs import RunningJob, RunningProgram
from webui.engine.mask_note import mask_note
from webui.engine.memory import is_out_of_memory, release_memory
from webui.engine.precision import precision_name
from webui.engine.previewer import Previewer
from webui.engine.programs import program_for
from webui.engine.readying import in_turn, readied
from webui.engine.residency import Lease, Residency
from webui.engine.structure import networks_of, tensors_of_model
from webui.engine.texts import cut_note
from webui.engine.work import Answer, EncodedText, Execute, Pixels, StepTaken

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """How an engine works; none of it changes a picture."""

    limits: Limits = field(default_factory=Limits)
    preview_seconds: float | None = None
    """Least time between two previews of a job; None is what its order says."""
    encodings_bytes: int = 256 * 2**20
    """Most that the kept encodings of texts, boxes and pictures take, of all models."""
    pictures_at_once: int = 8
    """Programs of one job that go at the same time."""


class Engine:
    """Keeps many programs going on shared models."""

    def __init__(
        self,
        residency: Residency,
        emit: Callable[[WorkerEvent], None],
        options: EngineOptions = EngineOptions(),
        run: Execute = execute,
        clock: Callable[[], float] = time.monotonic,
        adapters: AdapterStore | None = None,
    ) -> None:
        """Without `adapters`, they are loaded within the tick that needs them."""
        self._residency = residency
        self._emit = emit
        self._options = options
        self._encodings = EncodingCache(options.encodings_bytes)
        self._batcher = Batcher(partial(self._encodings.run, readied(run)), options.limits, clock)
        self._clock = clock
        self._adapters = adapters or AdapterStore()
        self.extensions = WorkerExtensions(
            self._tell_failure,
            lambda *call: self._emit(ExtensionCalled(*call)),
            self._shared_tensors,
        )
        self._queue: list[RunningJob] = []  # wait for their model
        self._jobs: dict[JobId, RunningJob] = {}  # all, queued ones too
        self._programs: list[RunningProgram] = []
        self._ticks = 0
        self.drawn: JobId | None = None
        """The job whose picture the engine's thread was last busy with; may be read from any thread."""

    @property
    def is_busy(self) -> bool:
        """Whether any job is here, be it that its model is still loading."""
        return bool(self._jobs)

    @property
    def encodings(self) -> EncodingCounts:
        """How often an encoding was there already."""
        return self._encodings.counts

    def start(self, command: RunJob) -> None:
        """Take a job; its pictures start as soon as its model is in memory."""
        if command.job_id in self._jobs:
            log.warning("The job %s is already here; the second order is ignored.", command.job_id)
            return
        job = RunningJob(command, Previewer(self._adapters, command.preview, self._clock))
        self._jobs[job.id] = job
        ahead = sum(other.priority.rank >= job.priority.rank for other in self._queue)
        self._queue.insert(ahead, job)

    def cancel(self, job_id: JobId) -> None:
        """Close the programs of a job, and say that it ended; nothing happens when it is over."""
        job = self._jobs.get(job_id)
        if job is not None:
            self._end(job, "cancelled", None)

    def warm_up(self, checkpoint: CheckpointInfo) -> None:
        """Load a model ahead of its first job, where there is room."""
        try:
            lease = self._residency.acquire(checkpoint)
        except EaselError as error:
            log.warning("Could not load %s ahead of its first job: %s", checkpoint.id, error)
            return
        if lease is not None:
            lease.release()

    def use_extensions(self, folders: Mapping[str, str]) -> None:
        """Have exactly these extensions, each from its folder; models that one loaded are loaded anew, or no more."""
        self.extensions.use(folders)
        self._residency.forget(lambda checkpoint: offered_by(checkpoint.family) is not None)

    @torch.inference_mode()
    def tick(self) -> bool:
        """Run one batch; False when there is nothing to do until a job comes or a load ends."""
        self._ticks += 1
        self._give_up_spoilt()
        self._admit()
        self._give_up_spoilt()  # a picture's begin may have done it, too
        if not self._programs:
            self._batcher.forget()
            return False
        batch, answers = self._batcher.turn(in_turn(self._programs), self._note_drawn)
        for text in batch[0].work.model.take_remarks():
            for job in {member.job.id: member.job for member in batch}.values():
                self._note(job, text)
        for member, answer in zip(batch, answers, strict=True):
            if member.job.id in self._jobs:  # a neighbour's failure may have ended the job
                self._answer(member, answer)
        for job in {member.job.id: member.job for member in batch}.values():
            if job.id in self._jobs:
                self._report(job)
        return True

    def _note_drawn(self, batch: Sequence[RunningProgram]) -> None:
        """Whose picture is drawn now; what an extension has a part in runs alone."""
        self.drawn = batch[0].job.id

    def _tell_failure(self, failure: HookFailure) -> None:
        told = failure.extension, failure.hook, failure.message, failure.trace, failure.kind
        self._emit(ExtensionFailed(*told))

    def _shared_tensors(self) -> Iterator[Tensor]:
        """What jobs have in common: weights of models, and encodings."""
        for model in self._residency.models():
            yield from tensors_of_model(model)
        yield from self._adapters.tensors()
        yield from self._encodings.tensors()

    def _give_up_spoilt(self) -> None:
        """Read models anew that an extension changed; jobs that hold one fail, for nobody knows what it draws."""
        for model, said in self.extensions.spoilt.take():
            networks = set(networks_of(model).values())
            self._residency.give_up(networks)
            for job in list(self._jobs.values()):
                held = {n for lease in job.leases for n in networks_of(lease.model).values()}
                if job.id in self._jobs and networks & held:
                    self._end(job, "failed", said)

    def _note(self, job: RunningJob, text: str) -> None:
        """Say something of a job that goes on; what was said before stays."""
        if (said := job.note(text)) is not None:
            self._emit(JobNoted(job.id, said))

    def _admit(self) -> None:
        """Give models to waiting jobs, in order.

        A job whose model waits for room holds back those behind it: else a steady stream of jobs
        for the loaded model would keep it out for ever.
        """
        waited_for: set[CheckpointInfo] = set()
        for job in list(self._queue):
            if job.id not in self._jobs:
                continue  # it failed just now, with another that waited for the same model
            checkpoint = job.command.checkpoint
            if job.lease is not None:  # its adapters are loading
                self._begin_if_equipped(job, job.lease)
                continue
            if checkpoint in waited_for:
                continue  # a load that ends just now serves the first that waits for it, first
            wanted = (checkpoint, *job.command.others)
            try:
                leases = self._residency.acquire_all(wanted)
            except EaselError as error:
                if len(wanted) > 1:
                    self._end(job, "failed", str(error))
                else:
                    self._end_waiting(checkpoint, str(error))
                continue
            if leases is not None:
                job.lease, *job.other_leases = leases
                self._begin_if_equipped(job, job.lease)
            elif not self._residency.is_loading and not all(map(self._residency.is_known, wanted)):
                return
            else:
                waited_for.add(checkpoint)

    def _begin_if_equipped(self, job: RunningJob, lease: Lease) -> None:
        """Begin a job once its adapters are in memory; one that cannot be loaded fails it."""
        try:
            for info in job.command.adapters:
                if info.id not in job.adapters:
                    adapter = self._adapters.acquire(info, lease.model.device)
                    if adapter is not None:
                        job.adapters[info.id] = adapter
            job.check_equipment()
        except EaselError as error:
            self._end(job, "failed", str(error))
            return
        if len(job.adapters) == len(job.command.adapters):
            self._begin(job, lease)

    def _begin(self, job: RunningJob, lease: Lease) -> None:
        self._queue.remove(job)
        job.extensions = self.extensions.present.hold()
        try:
            note = cut_note(lease.model, job.command.request, job.command.adapters)
        except Exception as error:  # noqa: BLE001 - the worker loop's border
            self._fail(job, error, "Reading the prompt")
            return
        for text in (note, mask_note(job.command), job.note_savings(), job.note_unread()):
            if text is not None:
                self._note(job, text)
        for _ in range(self._options.pictures_at_once):
            self._start_next(job)
        self._finish_if_over(job)

    def _start_next(self, job: RunningJob) -> None:
        """Start the next picture of a job, where it has one and is still going."""
        if (
            job.id not in self._jobs
            or not job.to_start
            or job.lease is None
            or job.extensions is None
        ):
            return
        index = job.to_start.popleft()
        self.drawn = job.id
        try:
            make = program_for(job.command.request, job.command.checkpoint)
            order = job.extensions.for_picture(job.order(index))
            program = order.extensions.program(make(order, job.model), job.model)
        except Exception as error:  # noqa: BLE001 - the worker loop's border
            self._fail(job, error, "The picture")
            return
        member = RunningProgram(job, index, program, cache=job.new_cache())
        job.live += 1
        self._programs.append(member)
        self._advance(member, None)

    def _answer(self, member: RunningProgram, answer: Answer) -> None:
        if isinstance(answer, FileChanged):
            stale = member.work.model.checkpoint.id
            self._residency.forget(lambda checkpoint: checkpoint.id == stale)
        if isinstance(answer, Exception):
            self._end(member.job, "failed", str(answer))
            return
        self._advance(member, answer)

    def _advance(
        self, member: RunningProgram, answer: Tensor | EncodedText | Pixels | None
    ) -> None:
        """Send an answer and go on to the next piece of work that needs a network."""
        job, program = member.job, member.program
        self.drawn = job.id
        try:
            wanted = program.send(answer)
            while True:
                if isinstance(wanted, StepTaken):
                    job.note_step(member.index, wanted.step, wanted.denoised)
                    wanted = program.send(None)
                elif (kept := self._encodings.get(wanted)) is not None:
                    wanted = program.send(kept)
                else:
                    break
        except StopIteration as finished:
            self._deliver(member, finished.value)
            return
        except Exception as error:  # noqa: BLE001 - the worker loop's border
            self._fail(job, error, "The picture")
            return
        member.waits_for, member.since = member.saving(wanted), self._ticks

    # Any: a program of an extension may return what it likes.
    def _deliver(self, member: RunningProgram, pixels: Any) -> None:
        job = member.job
        if not (isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3):
            self._fail(job, TypeError(f"the program ended with {pixels!r:.200}"), "The picture")
            return
        self._programs.remove(member)
        job.live -= 1
        height, width = pixels.shape[:2]
        seed = job.order(member.index).seed
        self._emit(
            PictureReady(
                job.id, member.index, seed, width, height, pixels.tobytes(), precision_name()
            )
        )
        self._start_next(job)
        self._finish_if_over(job)

    def _finish_if_over(self, job: RunningJob) -> None:
        if job.id in self._jobs and job.is_over:
            self._end(job, "done", None)

    def _end_waiting(self, checkpoint: CheckpointInfo, error: str) -> None:
        for job in [job for job in self._queue if job.command.checkpoint == checkpoint]:
            self._end(job, "failed", error)

    def _fail(self, job: RunningJob, error: Exception, what: str) -> None:
        """End a job whose own part raised; the others go on."""
        log.error("%s of the job %s failed.", what, job.id, exc_info=error)
        sentence = str(as_failure(error.with_traceback(None), what))
        if is_out_of_memory(error):
            release_memory()
        self._end(job, "failed", sentence)

    def _end(self, job: RunningJob, state: str, error: str | None) -> None:
        """Close what the job still has going, free its model, and say so."""
        del self._jobs[job.id]
        if job in self._queue:
            self._queue.remove(job)
        for member in [member for member in self._programs if member.job is job]:
            self._programs.remove(member)
            _close(member)
        for lease in job.leases:
            lease.release()
        if job.extensions is not None:
            job.extensions.release()
        self._emit(JobEnded(job.id, state, error))

    def _report(self, job: RunningJob) -> None:
        """Say how far the job is, with a preview where the last one is old enough."""
        fresh = job.take_fresh()
        if not fresh:
            return
        now, index, preview = self._clock(), min(fresh), None
        wanted, own = job.command.preview_seconds, self._options.preview_seconds
        pause = max(wanted if own is None else own, job.previewer.pause)
        if wanted > 0 and job.lease is not None and now - job.shown_at >= pause:
            index = job.choose_shown(fresh, now)
            preview = job.previewer.show(fresh[index], job.lease.model)
        self._emit(StepDone(job.id, job.step, job.steps, index, preview))


def _close(member: RunningProgram) -> None:
    """End a program where it stands; one that will not end is left to itself."""
    try:
        member.program.close()
    except Exception:  # the worker loop's border: it may do anything at its end
        log.exception("Picture %d of the job %s did not end well.", member.index, member.job.id)
