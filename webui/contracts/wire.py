"""How messages are put into bytes and made out of them.

A frame is two 32-bit little-endian lengths, a JSON header of the first length and a binary payload
of the second. The header names the message's class; the payload is its `data` field, or that of its
preview, if it has one. No pickling: a damaged or foreign frame is an error, never code.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, fields
from typing import Any, BinaryIO

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    ExtensionCalled,
    ExtensionFailed,
    JobEnded,
    JobNoted,
    Message,
    ModelReady,
    PictureReady,
    Quit,
    ReadClasses,
    RunJob,
    StepDone,
    UseExtensions,
    WarmUp,
    WorkerGone,
    WorkerReady,
)  # fmt: skip
from webui.contracts.preview import Preview
from webui.contracts.request import GenerationRequest

_LENGTHS = struct.Struct("<II")
MAX_FRAME_BYTES = 1 << 30

_CLASSES = {
    c.__name__: c
    for c in (
        RunJob, CancelJob, WarmUp, UseExtensions, ReadClasses, ClassesRead, Quit,
        WorkerReady, ModelReady, StepDone, JobNoted, ExtensionFailed, ExtensionCalled, PictureReady, JobEnded, WorkerGone,
    )
}  # fmt: skip


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write one frame and flush it. The caller serialises writers of one stream."""
    payload = getattr(message, "data", b"")
    if isinstance(message, StepDone) and message.preview is not None:
        payload = message.preview.data
    if isinstance(message, RunJob):
        values = {
            "job_id": message.job_id,
            "request": message.request.model_dump(mode="json"),
            "checkpoint": asdict(message.checkpoint),
            "images": message.images,
            "adapters": [asdict(adapter) for adapter in message.adapters],
            "skip": message.skip,
            "others": [asdict(other) for other in message.others],
            "preview": None if message.preview is None else asdict(message.preview),
            "preview_seconds": message.preview_seconds,
        }
    else:
        values = _values(message)
        if isinstance(message, WarmUp):
            values["checkpoint"] = asdict(message.checkpoint)
        if isinstance(message, ReadClasses):
            values["segmenter"] = asdict(message.segmenter)
        if isinstance(message, StepDone) and message.preview is not None:
            values["preview"] = _values(message.preview)
    header = json.dumps({"type": type(message).__name__, **values}).encode()
    stream.write(_LENGTHS.pack(len(header), len(payload)) + header + payload)
    stream.flush()


def read_message(stream: BinaryIO) -> Message | None:
    """Read one frame; None at the end of the stream.

    Raises:
        ValueError: the bytes are no frame of ours.
    """
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_bytes, payload_bytes = _LENGTHS.unpack(lengths)
    if header_bytes + payload_bytes > MAX_FRAME_BYTES:
        raise ValueError(
            f"A frame of {header_bytes + payload_bytes} bytes was announced; the limit is {MAX_FRAME_BYTES}."
        )
    header, payload = stream.read(header_bytes), stream.read(payload_bytes)
    if len(header) < header_bytes or len(payload) < payload_bytes:
        return None
    values = json.loads(header)
    kind = _CLASSES.get(values.pop("type", ""))
    if kind is None:
        raise ValueError(f"A message of unknown type came: {header[:200]!r}.")
    if "data" in {f.name for f in fields(kind)}:
        values["data"] = payload
    if kind is StepDone and values["preview"]:
        values["preview"] = Preview(**values["preview"], data=payload)
    message: Message = kind(**_revived(values))
    return message


# Any: what JSON can hold.
def _values(of: Message | Preview) -> dict[str, Any]:
    """The header's part of a message or preview: all but the bytes behind it."""
    return {f.name: getattr(of, f.name) for f in fields(of) if f.name != "data"}


# Any: parsed JSON.
def _revived(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a message, with those that are objects of ours made anew."""
    if "request" in values:
        values["request"] = GenerationRequest.model_validate(values["request"])
        values["skip"] = tuple(values["skip"])
    if "checkpoint" in values:
        values["checkpoint"] = CheckpointInfo(**_frozen(values["checkpoint"]))
    if "others" in values:
        values["others"] = tuple(CheckpointInfo(**_frozen(other)) for other in values["others"])
    if "segmenter" in values:
        values["segmenter"] = AdapterInfo(**_frozen(values["segmenter"]))
    if isinstance(values.get("preview"), dict):
        values["preview"] = AdapterInfo(**_frozen(values["preview"]))
    if "adapters" in values:
        values["adapters"] = tuple(AdapterInfo(**_frozen(a)) for a in values["adapters"])
    return values


# Any: parsed JSON.
def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a dataclass, its tuples again tuples where JSON made lists of them."""
    return {name: _tuple(value) for name, value in values.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) for v in value) if isinstance(value, list) else value
