"""All extension points. This file is the whole list; `builtin/` shows each of them in use.

An implementation is a function of the same name, marked with `hookimpl`, in a module or an object
that is registered with the host. It takes any of the arguments named here, by name.

Three kinds:
    collect   every implementation is asked; what they give is joined, in order of registration.
    decide    asked from the last registered to the first; the first that gives something wins.
    observe   every implementation is told; what they give is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.job import Job

PROJECT = "easel"

hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)


@_hookspec
def picture_metadata(draft: PictureDraft) -> Sequence[TextChunk]:  # type: ignore[empty-body]
    """Give texts to write into a picture's file. Kind: collect.

    Runs in the studio process, in the dispatcher's thread, once for each finished picture just
    before its file is written; a keyword that was given before is left out. An error is logged
    with the extension's name, its texts are missing, and the picture is stored all the same.
    """


@_hookspec(firstresult=True)
def picture_file_name(draft: PictureDraft) -> str | None:
    """Name a picture's file. Kind: decide.

    Runs in the studio process, in the dispatcher's thread, once for each finished picture just
    before its file is written. Give a path below the outputs folder with '/' and without an ending,
    or None to leave it to the next. An error fails the job with a message that names the extension.
    """


@_hookspec
def job_changed(job: Job) -> None:
    """Hear that a job was queued, started, put back, or ended. Kind: observe.

    Runs in the studio process, in the thread that changed the job, after the change is in the
    record; be quick, others wait. An error is logged with the extension's name; nothing else happens.
    """
