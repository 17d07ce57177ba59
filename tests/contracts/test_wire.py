"""Frames carry every message unchanged, and nothing else is taken for one."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workers.listening import order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import AdapterId, JobId
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    JobEnded,
    Message,
    ModelReady,
    PictureReady,
    Quit,
    ReadClasses,
    StepDone,
    WarmUp,
    WorkerGone,
    WorkerReady,
)
from webui.contracts.preview import Preview
from webui.contracts.wire import read_message, write_message

_ID = JobId("абв-1")
_EDGES = AdapterInfo(
    AdapterId("starter/controlnet-edges"), "controlnet", "Edges", "/m/e", 9, "edges"
)
_CHALK = AdapterInfo(AdapterId("starter/loras/chalk"), "lora", "chalk", "/m/chalk.safetensors", 3)
_SEMANTIC = replace(
    FAKE_CHECKPOINT,
    task="semantic",
    classes=("sky", "sea"),
    defaults=(("sampler", "LCM"), ("steps", 4), ("guidance_scale", 1.5)),
    parts=(("vae", "/m/text/vae"), ("unet", "/m/semantic/unet")),
)
_PREVIEW = Preview(2, 1, 8, 4, b"\0\xff rgb")
_MESSAGES: list[Message] = [
    order('船 \n "quoted"', skip=(0, 2), count=3),
    order(
        image=Path("/tmp/image.png"),
        mask=Path("/tmp/mask.png"),
        adapters=(_EDGES, _CHALK),
        controls=[{"adapter": _EDGES.id, "image": "f" * 64, "weight": 0.5, "end": 0.75}],
        loras=[{"adapter": _CHALK.id, "weight": -1.5}],
        boxes=[{"label": "sky", "left": 0, "top": 0, "right": 1, "bottom": 0.5}],
    ),
    replace(order("two", refiner="starter/semantic"), others=(_SEMANTIC,)),
    replace(order("seen"), preview=replace(_EDGES, kind="vae", is_tiny=True)),
    replace(order("unseen"), preview_seconds=0.0),
    ReadClasses("r", replace(_EDGES, kind="segmenter", classes=("sky", "sea")), "/tmp/photo.png"),
    ClassesRead("r", 3, 2, bytes(range(6)), None),
    ClassesRead("r", 0, 0, b"", "It rained."),
    CancelJob(_ID),
    WarmUp(FAKE_CHECKPOINT),
    WarmUp(_SEMANTIC),
    Quit(),
    WorkerReady("cuda:0 H200", 10**12),
    ModelReady("m", 1.5, 7),
    StepDone(_ID, 3, 20, 1, None),
    StepDone(_ID, 3, 20, 1, _PREVIEW),
    PictureReady(_ID, 1, 2**32 - 1, 2, 1, bytes(6)),
    JobEnded(_ID, "failed", "It rained."),
    WorkerGone("The end."),
]


@pytest.mark.parametrize("message", _MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    stream = io.BytesIO()
    write_message(stream, message)
    write_message(stream, Quit())
    stream.seek(0)
    assert (read_message(stream), read_message(stream), read_message(stream)) == (
        message,
        Quit(),
        None,
    )


def test_a_checkpoint_that_came_through_a_frame_is_the_same_key() -> None:
    stream = io.BytesIO()
    write_message(stream, WarmUp(_SEMANTIC))
    stream.seek(0)
    message = read_message(stream)
    assert isinstance(message, WarmUp)
    assert {_SEMANTIC: "found"}[message.checkpoint] == "found"


def test_a_cut_frame_is_the_end() -> None:
    stream = io.BytesIO()
    write_message(stream, StepDone(_ID, 3, 20, 1, _PREVIEW))
    for length in range(len(stream.getvalue())):
        assert read_message(io.BytesIO(stream.getvalue()[:length])) is None


@pytest.mark.parametrize(
    "data",
    [
        b"Traceback (most recent call last)",
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x02\0\0\0\0\0\0\0xx",
        b"\x0e\0\0\0\0\0\0\0" + b'{"type": "os"}',
    ],
)
def test_foreign_bytes_are_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_message(io.BytesIO(data))
