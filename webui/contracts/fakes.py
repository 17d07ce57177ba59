"""A worker without torch: for work on the page, and for tests of everything above the engine."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ImageId, JobId, ModelId
from webui.contracts.job import JobState
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    Command,
    JobEnded,
    ModelReady,
    PictureReady,
    Quit,
    ReadClasses,
    RunJob,
    StepDone,
    WarmUp,
    WorkerEvent,
    WorkerGone,
    WorkerReady,
)
from webui.contracts.pixels import eight_bits
from webui.contracts.preview import Preview
from webui.contracts.request import GenerationRequest

_TEXT = Path(__file__).resolve().parents[2] / "models" / "starter" / "text"
"""The starter's words are counted, where it is there."""

FAKE_CHECKPOINT = CheckpointInfo(
    id=ModelId("fake/gradient"), title="Fake gradients", family="fake", path="", bytes=0, parameters=0,
    dtype="", prediction="epsilon", latent_channels=4, latent_factor=8, native_width=128,
    native_height=128, description="Draws tinted gradients without a network.",
    parts=(("tokenizer", str(_TEXT / "tokenizer")), ("text_encoder", str(_TEXT / "text_encoder"))),
)  # fmt: skip
"""For a catalog's `built_in`, so that the fake worker needs no model on disk."""
FAKE_CLASSES = ("sky", "meadow", "water", "house")
FAKE_CHECKPOINTS = (
    FAKE_CHECKPOINT,
    replace(
        FAKE_CHECKPOINT, id=ModelId("fake/map"), title="Fake maps", task="semantic", classes=FAKE_CLASSES,
        description="Takes a class map, and draws its gradients all the same.",
    ),
    replace(
        FAKE_CHECKPOINT, id=ModelId("fake/layout"), title="Fake layouts", task="layout", classes=FAKE_CLASSES,
        description="Takes boxes, and draws its gradients all the same.",
    ),
    replace(
        FAKE_CHECKPOINT, id=ModelId("fake/classes"), title="Fake classes", task="class", classes=FAKE_CLASSES,
        reads_text=False, description="Takes a class, and draws its gradients all the same.",
    ),
    replace(
        FAKE_CHECKPOINT, id=ModelId("fake/upscaler"), title="Fake upscaler", task="upscale", latent_channels=3,
        latent_factor=4, takes_noise=True, description="Stretches a picture to four times its size.",
    ),
)  # fmt: skip
"""A fake for each task that the page has a tab or a control for."""
PREVIEW_PIXELS = 64

_Pixels = npt.NDArray[np.uint8]
_Values = npt.NDArray[np.float64]


@dataclass
class _Running:
    """A job in the fake worker."""

    order: RunJob
    todo: deque[int]
    """Indices of pictures still to draw."""
    step: int = 0
    """Steps done of the present picture."""
    done: int = 0
    """Steps done of earlier pictures."""
    total: int = field(init=False)

    def __post_init__(self) -> None:
        request = self.order.request
        self.done = request.steps * (request.count - len(self.todo))
        self.total = request.steps * request.count


class FakeWorker:
    """Draws gradients that depend on prompt and seed alone; all its jobs step at once."""

    def __init__(self, on_event: Callable[[WorkerEvent], None], step_seconds: float = 0.01) -> None:
        self._on_event = on_event
        self._step_seconds = step_seconds
        self._condition = threading.Condition()
        self._commands: deque[Command] = deque()
        self._running: dict[JobId, _Running] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="fake-worker", daemon=True)

    @property
    def pid(self) -> int | None:
        """It has no process of its own."""
        return None

    def start(self) -> None:
        """Begin; WorkerReady follows."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Take a command; dropped after the end."""
        with self._condition:
            if not self._ended:
                self._commands.append(command)
                self._condition.notify()

    def stop(self, timeout: float) -> None:
        """End; unfinished jobs get no JobEnded."""
        self.send(Quit())
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        self._on_event(WorkerReady("fake", 0))
        while self._take_commands():
            for running in list(self._running.values()):
                self._advance(running)
        self._on_event(WorkerGone("The fake worker was told to quit."))

    def _take_commands(self) -> bool:
        """Wait for the next step or command; False when it is to end."""
        with self._condition:
            if self._running:
                self._condition.wait(self._step_seconds)
            while not self._commands and not self._running:
                self._condition.wait()
            commands = list(self._commands)
            self._commands.clear()
            self._ended = any(isinstance(c, Quit) for c in commands)
        for command in commands:
            self._obey(command)
        return not self._ended

    def _obey(self, command: Command) -> None:
        if isinstance(command, RunJob):
            todo = (i for i in range(command.request.count) if i not in command.skip)
            self._running[command.job_id] = _Running(command, deque(todo))
        elif isinstance(command, CancelJob):
            if self._running.pop(command.job_id, None) is not None:
                self._on_event(JobEnded(command.job_id, JobState.CANCELLED.value, None))
        elif isinstance(command, ReadClasses):
            self._on_event(_halves(command))
        elif isinstance(command, WarmUp):
            self._on_event(ModelReady(command.checkpoint.id, 0.0, 0))

    def _advance(self, running: _Running) -> None:
        order, request = running.order, running.order.request
        if not running.todo:
            self._end(running)
            return
        index = running.todo[0]
        running.step += 1
        share = running.step / request.steps
        preview = _small(_draw(order, index, share)) if order.preview_seconds > 0 else None
        done = running.done + running.step
        self._on_event(StepDone(order.job_id, done, running.total, index, preview))
        if running.step < request.steps:
            return
        pixels = _draw(order, index, 1.0)
        height, width = pixels.shape[:2]
        seed = request.seeds_of(index)[0]
        self._on_event(PictureReady(order.job_id, index, seed, width, height, pixels.tobytes()))
        running.todo.popleft()
        running.done, running.step = done, 0
        if not running.todo:
            self._end(running)

    def _end(self, running: _Running) -> None:
        del self._running[running.order.job_id]
        self._on_event(JobEnded(running.order.job_id, JobState.DONE.value, None))


def draw_gradient(request: GenerationRequest, seed: int, share: float = 1.0) -> _Pixels:
    """A gradient between two tints taken from the prompt and the seed.

    Args:
        request: Its prompt and size count; a missing size is 128.
        seed: Of this picture.
        share: 0 to 1; how far it has come, shown as fading noise.
    """
    digest = hashlib.sha256(
        f"{request.prompt}\0{request.negative_prompt}\0{seed}".encode()
    ).digest()
    tints = np.frombuffer(digest[:6], np.uint8).reshape(2, 3).astype(np.float64)
    height, width = request.height or 128, request.width or 128
    slope = np.linspace(0, 1, height)[:, None] + np.linspace(0, 1, width)[None, :] * (
        digest[6] / 255
    )
    slope = (slope / slope.max())[..., None]  # (H, W, 1)
    picture = tints[0] * (1 - slope) + tints[1] * slope  # (H, W, 3)
    if share < 1:
        noise = np.random.default_rng(seed).normal(128, 60, picture.shape)
        picture = picture * share + noise * (1 - share)
    pixels: _Pixels = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    return pixels


def _draw(order: RunJob, index: int, share: float) -> _Pixels:
    request = order.request.picture(index)
    pixels = draw_gradient(request, request.seed, share)
    if order.request.image is None:
        return pixels
    height, width = pixels.shape[:2]
    start = _read(order, order.request.image, "RGB", (width, height))  # (H, W, 3)
    if order.request.outpaints:
        return _draw_on(order, pixels)
    strength: _Values = np.full((height, width), order.request.denoising_strength)
    if order.request.mask is not None:
        white = _read(order, order.request.mask, "L", (width, height)) >= 128
        strength = np.where(white, strength, 0.0)
    share_new = strength[..., None]  # (H, W, 1)
    mixed: _Pixels = np.round(pixels * share_new + start * (1 - share_new)).astype(np.uint8)
    return mixed


def _draw_on(order: RunJob, pixels: _Pixels) -> _Pixels:
    """The order's image in the middle of what is drawn, as its frame has it."""
    with Image.open(order.images[order.request.image or ImageId("")]) as opened:
        old = np.asarray(eight_bits(opened).convert("RGB"))
    frame = order.request.frame((old.shape[1], old.shape[0]))
    drawn = np.asarray(Image.fromarray(pixels).resize(frame.size)).copy()
    drawn[frame.top :, frame.left :][: old.shape[0], : old.shape[1]] = old
    return drawn


def _read(order: RunJob, image: ImageId, mode: str, size: tuple[int, int]) -> _Values:
    """An image of the order, stretched to (width, height), 0 to 255."""
    with Image.open(order.images[image]) as opened:
        return np.asarray(eight_bits(opened).convert(mode).resize(size), np.float64)


def _small(pixels: _Pixels) -> Preview:
    image = Image.fromarray(pixels)
    image.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))
    return Preview(*image.size, *image.size, image.tobytes())


def _halves(command: ReadClasses) -> ClassesRead:
    """The segmenter's first class above, its last below."""
    with Image.open(command.image) as image:
        width, height = image.size
    numbers = np.zeros((height, width), np.uint8)
    numbers[height // 2 :] = len(command.segmenter.classes) - 1
    return ClassesRead(command.reading, width, height, numbers.tobytes(), None)
