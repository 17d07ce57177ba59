"""What the studio and a worker say to one another; `contracts/wire.py` puts it into bytes."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import JobId
from webui.contracts.preview import Preview
from webui.contracts.request import GenerationRequest

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
    """A job moved on by at least one denoising step."""

    job_id: JobId
    step: int
    steps: int
    index: int
    """Which of the job's pictures the preview shows."""
    preview: Preview | None
    """None where none was due."""


@dataclass(frozen=True)
class JobNoted:
    """Something that the person should know of a job that goes on all the same."""

    job_id: JobId
    text: str
    """A sentence."""


@dataclass(frozen=True)
class ExtensionFailed:
    """An extension raised an error in the worker, was slow there, or did not come back."""

    extension: str
    hook: str
    message: str
    trace: str
    kind: str
    """'failed', 'slow' or 'endless': then the worker ends after it."""


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
