"""What happens to jobs, told to whoever listens: the page, the API's event stream, hooks, tests."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.download import Download
from webui.contracts.ids import DownloadId, JobId
from webui.contracts.job import Job, Picture
from webui.contracts.preview import Preview


@dataclass(frozen=True)
class JobChanged:
    """A job was queued, started, re-queued, finished, failed or cancelled."""

    job: Job


@dataclass(frozen=True)
class JobStepped:
    """A running job moved on."""

    job_id: JobId
    step: int
    steps: int
    seconds_left: float | None
    """Estimate from measured step times; None until two steps are known."""
    preview: Preview | None
    """None when this step has none."""
    index: int
    """Which of the job's pictures the preview shows, from 0."""


@dataclass(frozen=True)
class PictureSaved:
    """A picture is on disk and in the record."""

    picture: Picture


@dataclass(frozen=True)
class WorkerChanged:
    """A worker started, became ready, or ended."""

    state: str
    """'starting', 'ready' or 'gone'."""
    device: str
    detail: str
    """A sentence for the header of the page."""


@dataclass(frozen=True)
class QueuePaused:
    """Waiting jobs are held back, or no longer."""

    paused: bool


@dataclass(frozen=True)
class DownloadChanged:
    """A download was ordered, moved on, or ended."""

    download: Download


@dataclass(frozen=True)
class DownloadDropped:
    """A download was taken off the list."""

    id: DownloadId


@dataclass(frozen=True)
class LibraryChanged:
    """Models or adapters came, went or changed, or more is known of one."""


@dataclass(frozen=True)
class ExtensionsChanged:
    """An extension is in use, or no longer."""


Event = (
    JobChanged
    | JobStepped
    | PictureSaved
    | WorkerChanged
    | QueuePaused
    | DownloadChanged
    | DownloadDropped
    | LibraryChanged
    | ExtensionsChanged
)
