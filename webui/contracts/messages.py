"""What the studio and a worker say to one another, and how it is put into bytes.

A frame is two 32-bit little-endian lengths, a JSON header of the first length and a binary payload
of the second. The header names the message's class; the payload is its `data` field, if it has one.
No pickling: a damaged or foreign frame is an error, never code.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import JobId
from webui.contracts.request import GenerationRequest

_LENGTHS = struct.Struct("<II")
MAX_FRAME_BYTES = 1 << 30


# From the studio to a worker


@dataclass(frozen=True)
class RunJob:
    """Start a job's programs, one a picture."""

    job_id: JobId
    request: GenerationRequest
    checkpoint: CheckpointInfo
    images: dict[str, str]
    """Image id to file, for every image that the request names: an upright PNG of mode RGB, RGBA,
    L, P (values of a class map are kept) or I;16 (see `contracts.pixels.eight_bits`)."""
    adapters: tuple[AdapterInfo, ...]
    """Those that the request names, each once."""
    skip: tuple[int, ...]
    """Indices of pictures that an earlier attempt has already delivered."""
    others: tuple[CheckpointInfo, ...] = ()
    """Further models that the request names."""
    preview: AdapterInfo | None = None
    """A first stage that shows unfinished latents better than a projection of them."""
    preview_seconds: float = 0.25
    """Least time from one preview to the next; 0 is for none at all."""


@dataclass(frozen=True)
class CancelJob:
    """Close a job's programs; the worker answers JobEnded with state 'cancelled'."""

    job_id: JobId


@dataclass(frozen=True)
class WarmUp:
    """Load a checkpoint ahead of its first job; answered by ModelReady, failures are only logged."""

    checkpoint: CheckpointInfo


@dataclass(frozen=True)
class UseExtensions:
    """Have exactly these extensions from now on, loaded anew; failures are told by ExtensionFailed."""

    folders: dict[str, str]
    """Name to folder, in their order."""


@dataclass(frozen=True)
class ReadClasses:
    """See which classes a picture shows; answered by ClassesRead."""

    reading: str
    """Id of the order."""
    segmenter: AdapterInfo
    image: str
    """The picture's file."""


@dataclass(frozen=True)
class Quit:
    """End the process in good order."""


Command = RunJob | CancelJob | WarmUp | UseExtensions | ReadClasses | Quit


# From a worker to the studio


@dataclass(frozen=True)
class WorkerReady:
    """First message of a worker that can take jobs."""

    device: str
    """'cpu' or 'cuda:0', and the hardware's name."""
    budget_bytes: int
    """Memory that models may take."""


@dataclass(frozen=True)
class ModelReady:
    """A checkpoint is in memory."""

    model: str
    seconds: float
    resident_bytes: int
    """All weights now in memory."""


@dataclass(frozen=True)
class StepDone:
    """A job moved on by at least one denoising step; `data` is a preview (WebP) or empty."""

    job_id: JobId
    step: int
    steps: int
    index: int
    """Which of the job's pictures the preview shows."""
    data: bytes


@dataclass(frozen=True)
class JobNoted:
    """Something that the person should know of a job that goes on all the same."""

    job_id: JobId
    text: str
    """A sentence."""


@dataclass(frozen=True)
class ExtensionFailed:
    """An extension raised an error in the worker, or was slow there."""

    extension: str
    hook: str
    message: str
    trace: str
    kind: str
    """'failed' or 'slow'."""


@dataclass(frozen=True)
class ExtensionCalled:
    """The worker called a hook of an extension for the first time since it loaded that."""

    extension: str
    hook: str


@dataclass(frozen=True)
class PictureReady:
    """A finished picture; `data` is width * height * 3 bytes of RGB."""

    job_id: JobId
    index: int
    seed: int
    width: int
    height: int
    data: bytes
    precision: str = ""
    """'bfloat16' where it was drawn in that instead of the usual precision, as the worker was asked to."""


@dataclass(frozen=True)
class ClassesRead:
    """What was seen in a picture; `data` is width * height numbers of the segmenter's classes."""

    reading: str
    width: int
    height: int
    data: bytes
    error: str | None
    """A sentence, where nothing was seen."""


@dataclass(frozen=True)
class JobEnded:
    """Nothing more will come for this job."""

    job_id: JobId
    state: str
    """'done', 'failed' or 'cancelled'."""
    error: str | None
    """A sentence, when failed."""


@dataclass(frozen=True)
class WorkerGone:
    """Said by the worker's handle, not by the worker: the process has ended."""

    reason: str
    signal: str = ""
    """That ended it, such as 'SIGKILL'; empty where none did."""


WorkerEvent = (
    WorkerReady
    | ModelReady
    | StepDone
    | JobNoted
    | ExtensionFailed
    | ExtensionCalled
    | PictureReady
    | ClassesRead
    | JobEnded
    | WorkerGone
)
Message = Command | WorkerEvent

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
        values = {f.name: getattr(message, f.name) for f in fields(message) if f.name != "data"}
        if isinstance(message, WarmUp):
            values["checkpoint"] = asdict(message.checkpoint)
        if isinstance(message, ReadClasses):
            values["segmenter"] = asdict(message.segmenter)
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
    message: Message = kind(**_revived(values))
    return message


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
    if values.get("preview"):
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
