"""The waiting jobs as a file: saved before a reinstall, or taken along to another studio.

JSON with the requests in the order of the queue and the pictures that they name, so that the file is enough by
itself. The words of prompts are made out anew where it is taken in, by the styles and wildcards there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webui.contracts.batch import Refused
from webui.contracts.errors import BadRequest, EaselError, NotFound
from webui.contracts.ids import ImageId, new_batch_id
from webui.contracts.job import Job
from webui.contracts.request import parse_request
from webui.services.images import ImageStore
from webui.services.jobs import JobService

KIND, VERSION = "easel-queue", 1
MAX_JOBS = 10_000
MAX_PICTURE_BYTES = 200 * 1024 * 1024
"""Of all pictures in a file together; jobs that name one that is left out need a studio that has it."""


@dataclass(frozen=True)
class TakenIn:
    """What became of a file."""

    jobs: tuple[Job, ...]
    """Queued, in the order of the file."""
    refused: tuple[Refused, ...]
    """What cannot be drawn here, with the reason."""


class QueueFile:
    """Writes the waiting jobs and takes them in."""

    def __init__(self, jobs: JobService, images: ImageStore) -> None:
        self._jobs = jobs
        self._images = images

    def write(self) -> bytes:
        """The file; the queue stays as it is."""
        requests = [
            job.request.model_dump(mode="json", exclude={"texts"}) for job in self._jobs.waiting()
        ]
        told = {
            "kind": KIND,
            "version": VERSION,
            "jobs": requests,
            "images": self._pictures(requests),
        }
        return json.dumps(told, ensure_ascii=False, indent=1).encode()

    def take_in(self, data: bytes) -> TakenIn:
        """Queue what the file holds, behind what waits already: all of it that can be drawn here, at once.

        Raises:
            BadRequest: it is no such file, or nothing in it can be drawn here. Nothing was queued.
        """
        told = _read(data)
        images = self._keep_pictures(told.get("images") or {})
        batches: dict[str, str] = {}
        jobs, refused = list[Job](), list[Refused]()
        for place, said in enumerate(told["jobs"], start=1):
            try:
                jobs.append(self._jobs.check(parse_request(_as_here(said, images, batches))))
            except EaselError as error:
                refused.append(Refused(name=f"Job {place}", reason=str(error)))
        if refused and not jobs:
            first = refused[0]
            raise BadRequest(
                f"None of the {len(refused)} jobs in the file can be drawn here. {first.name}: {first.reason}"
            )
        return TakenIn(self._jobs.queue_all(jobs), tuple(refused))

    def _pictures(self, requests: list[dict[str, Any]]) -> dict[str, str]:
        found, left = dict[str, str](), MAX_PICTURE_BYTES
        for name in dict.fromkeys(text for request in requests for text in _texts(request)):
            try:
                file = self._images.path(ImageId(name))
            except NotFound:
                continue
            left -= file.stat().st_size
            if left >= 0:
                found[name] = base64.b64encode(file.read_bytes()).decode()
        return found

    def _keep_pictures(self, images: Mapping[str, Any]) -> dict[str, str]:
        """Ids in the file to ids here; a picture that cannot be read is missing, and its jobs say so."""
        kept = {}
        for name, content in images.items():
            try:
                kept[name] = str(self._images.put(base64.b64decode(str(content), validate=True)))
            except (ValueError, BadRequest):
                continue
        return kept


def _read(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        reason = f"line {line} is no JSON" if line else "it is no text"
        raise BadRequest(
            f"The file cannot be read as a saved queue ({reason}). Choose one that Easel's queue saved."
        ) from error
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise BadRequest("The file is no saved queue. Choose one that Easel's queue saved.")
    if told.get("version") != VERSION:
        raise BadRequest(
            f"The file is a saved queue of version {str(told.get('version'))[:40]!r}; this Easel reads version {VERSION}. Update Easel."
        )
    jobs, images = told.get("jobs"), told.get("images") or {}
    if not isinstance(jobs, list) or not isinstance(images, dict):
        raise BadRequest("The saved queue is damaged: it has no list of jobs.")
    if len(jobs) > MAX_JOBS:
        raise BadRequest(f"The file has {len(jobs)} jobs; at most {MAX_JOBS} are taken at a time.")
    return told


def _as_here(said: Any, images: Mapping[str, str], batches: dict[str, str]) -> Any:
    """A request with the ids that pictures have here, and a batch of its own for each batch in the file."""
    if isinstance(said, dict):
        here = {name: _renamed(value, images) for name, value in said.items()}
        if isinstance(batch := here.get("batch"), str) and batch:
            here["batch"] = batches.setdefault(batch, new_batch_id())
        return here
    return said


def _renamed(value: Any, images: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return images.get(value, value)
    if isinstance(value, list):
        return [_renamed(one, images) for one in value]
    if isinstance(value, dict):
        return {name: _renamed(one, images) for name, one in value.items()}
    return value


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value that are as long as a picture's id."""
    if isinstance(value, str):
        if len(value) == 64:
            yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
