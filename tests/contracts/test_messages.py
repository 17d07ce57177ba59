"""Frames carry every message unchanged, and nothing else is taken for one."""

from __future__ import annotations

import io

import pytest

from tests.workers.listening import order
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import JobId
from webui.contracts.messages import (
    CancelJob,
    JobEnded,
    Message,
    ModelReady,
    PictureReady,
    Quit,
    StepDone,
    WarmUp,
    WorkerGone,
    WorkerReady,
    read_message,
    write_message,
)

_ID = JobId("абв-1")
_MESSAGES: list[Message] = [
    order('船 \n "quoted"', skip=(0, 2), count=3),
    CancelJob(_ID),
    WarmUp(FAKE_CHECKPOINT),
    Quit(),
    WorkerReady("cuda:0 H200", 10**12),
    ModelReady("m", 1.5, 7),
    StepDone(_ID, 3, 20, 1, b"\0\xff webp"),
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


def test_a_cut_frame_is_the_end() -> None:
    stream = io.BytesIO()
    write_message(stream, _MESSAGES[6])
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
