"""Draws small pictures in real workers, with and without an extension, and compares them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.extension import HookFailure, Manifest
from webui.contracts.ids import JobId
from webui.contracts.messages import (
    ExtensionCalled,
    ExtensionFailed,
    JobEnded,
    PictureReady,
    RunJob,
    UseExtensions,
    WorkerEvent,
    WorkerGone,
)
from webui.contracts.request import GenerationRequest
from webui.hooks.declared import declared_hooks
from webui.hooks.offers import Offers
from webui.hooks.specs import POINTS
from webui.services.extension_checks.outcome import Outcome, of_hooks
from webui.services.extension_checks.studio_side import OBSERVER_SECONDS, REQUEST
from webui.workers.protocol import OnEvent, Worker

MakeWorker = Callable[[OnEvent], Worker]

JOB_SECONDS = 300.0
"""How long one small picture may take, the first with the start of the worker and the model's loading."""
HEAR_SECONDS = 0.6
"""Left to observers of the worker, which run beside it, after the last picture."""


@dataclass(frozen=True)
class Drawn:
    """How one order ended."""

    data: bytes
    """Of the picture; empty when there is none."""
    error: str | None


class Life:
    """One worker, asked to draw one order after another."""

    def __init__(self, make_worker: MakeWorker, checkpoint: CheckpointInfo) -> None:
        self.failures: list[HookFailure] = []
        self.called: set[str] = set()
        self._checkpoint = checkpoint
        self._events: queue.SimpleQueue[WorkerEvent] = queue.SimpleQueue()
        self._worker = make_worker(self._events.put)
        self._orders = 0
        self._worker.start()

    def use(self, *manifests: Manifest) -> None:
        """Have exactly these extensions."""
        self._worker.send(UseExtensions({each.name: str(each.folder) for each in manifests}))

    def draw(self, request: GenerationRequest) -> Drawn:
        """One picture; what goes wrong meanwhile is kept in `failures`."""
        self._orders += 1
        job, data, until = JobId(f"check-{self._orders}"), b"", time.monotonic() + JOB_SECONDS
        self._worker.send(RunJob(job, request, self._checkpoint, {}, (), ()))
        while True:
            try:
                event = self._events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return Drawn(b"", f"It is not drawn after {JOB_SECONDS:g} s.")
            if isinstance(event, PictureReady):
                data = event.data
            elif isinstance(event, JobEnded):
                return Drawn(data, event.error)
            elif isinstance(event, WorkerGone):
                return Drawn(b"", event.reason)
            else:
                self._keep(event)

    def hear(self, request: GenerationRequest) -> None:
        """Leave observers a moment, then draw once more, which names those that have not come back."""
        time.sleep(HEAR_SECONDS)
        self.draw(request)

    def end(self) -> None:
        """Stop it; what observers still say is kept."""
        began = time.monotonic()
        while True:
            wait = OBSERVER_SECONDS if self._is_late else HEAR_SECONDS
            try:
                self._keep(self._events.get(timeout=max(0.0, began + wait - time.monotonic())))
            except queue.Empty:
                break
        self._worker.stop(5.0)

    @property
    def _is_late(self) -> bool:
        """Whether an observer is out that was named for it: it says so when it comes back."""
        latest = {failure.hook: failure.kind for failure in self.failures}
        return "late" in latest.values()

    def _keep(self, event: WorkerEvent) -> None:
        if isinstance(event, ExtensionFailed):
            told = event.extension, event.hook, event.message, event.trace, event.kind
            self.failures.append(HookFailure(*told, process="worker"))
        elif isinstance(event, ExtensionCalled):
            self.called.add(event.hook)


def check_worker(
    manifest: Manifest, offers: Offers, checkpoint: CheckpointInfo, make_worker: MakeWorker
) -> tuple[Outcome, ...]:
    """Draw without it, beside it, with it, by each of its samplers and schedules, and after it.

    One worker never hears of the extension: its picture is what the others must be equal to.
    """
    apart, beside = Life(make_worker, checkpoint), Life(make_worker, checkpoint)
    try:
        beside.use(manifest)
        named = REQUEST.model_copy(update={"extensions": {manifest.name: {}}})
        unnamed, wanted = beside.draw(REQUEST), apart.draw(REQUEST)
        outcomes = [
            _equal("worker: a picture that does not name it", unnamed, wanted),
            _done("worker: a picture that names it", beside.draw(named)),
        ]
        outcomes += [
            _done(f"worker: a picture by {value}", beside.draw(_drawn_by(named, field, value)))
            for field, value in _methods(offers)
        ]  # fmt: skip
        if any(POINTS[hook].kind == "observe" for hook in _hooks(manifest)):
            beside.hear(REQUEST)
        beside.use()
        outcomes.append(_equal("worker: a picture after it", beside.draw(REQUEST), wanted))
    finally:
        apart.end()
        beside.end()
    return (
        *_load(beside.failures),
        *outcomes,
        *of_hooks("worker", _hooks(manifest), beside.called, beside.failures),
    )


def _methods(offers: Offers) -> list[tuple[str, str]]:
    samplers = [("sampler", info.name) for info in offers.samplers]
    upscalers = [("hires_upscaler", name) for name, _ in offers.upscalers]
    guidance = [("guidance_method", name) for name, _ in offers.guidance_methods]
    schedules = [("schedule", name) for name, _ in offers.schedules]
    return [*samplers, *schedules, *guidance, *upscalers]


def _drawn_by(request: GenerationRequest, field: str, value: str) -> GenerationRequest:
    """By one of its methods; an upscaler stands before a second pass."""
    second = {"hires_scale": 2.0, "hires_steps": 1} if field == "hires_upscaler" else {}
    return request.model_copy(update={field: value, **second})


def _hooks(manifest: Manifest) -> list[str]:
    return [name for name in declared_hooks(manifest) if POINTS[name].process == "worker"]


def _load(failures: Sequence[HookFailure]) -> tuple[Outcome, ...]:
    said = "; ".join(f.message for f in failures if f.hook == "import")
    return (Outcome("worker: load", not said, said),)


def _done(what: str, drawn: Drawn) -> Outcome:
    return Outcome(what, drawn.error is None, drawn.error or "")


def _equal(what: str, drawn: Drawn, wanted: Drawn) -> Outcome:
    error = drawn.error or wanted.error
    if error is not None:
        return Outcome(what, False, error)
    same = drawn.data == wanted.data
    said = "is bit for bit that of a worker without it" if same else "differs from one without it"
    return Outcome(what, same, said)
