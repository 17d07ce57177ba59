"""What extensions say of a picture's file: its name and its texts, and who failed on the way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from webui.contracts.drafts import PROBLEMS, FileName, PictureDraft, TextChunk, file_name_fault
from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.hooks.drafts import chunks_of
from webui.hooks.host import HookHost
from webui.hooks.specs import POINTS


class PictureFiles:
    """Asks extensions about each picture that is stored."""

    def __init__(self, host: HookHost) -> None:
        self._host = host
        self._begun: dict[JobId, int] = {}
        """Running jobs, and the number of the latest failure before each."""

    def note_begin(self, job: Job) -> None:
        """From when on what fails concerns a job's pictures."""
        if job.state.is_final:
            self._begun.pop(job.id, None)
        elif job.state is JobState.RUNNING:
            self._begun.setdefault(job.id, self._host.log.last)

    def metadata(self, draft: PictureDraft) -> tuple[TextChunk, ...]:
        """The texts for a picture's file; the first of each keyword, and the names of those that failed."""
        chunks: dict[str, TextChunk] = {}
        answers = self._host.collect("picture_metadata", chunks_of, draft=draft)
        for _, given in answers:
            for chunk in given:
                chunks.setdefault(chunk.keyword, chunk)
        if said := self._problems_of(draft, {name for name, _ in answers}):
            chunks.setdefault(PROBLEMS, TextChunk(PROBLEMS, said))
        return tuple(chunks.values())

    def file_name(self, draft: PictureDraft) -> FileName:
        """The name of the latest registered extension that gives one, and what failed before it.

        Raises:
            HookFailed: an extension that the picture's request names failed, or none gave a name.
        """
        what = "name the picture's file"
        decision = self._host.decide(
            "picture_file_name", what, _name, named=draft.request.extensions, draft=draft
        )
        problems = tuple(
            f"The extension {name!r} failed when it had to {what}; it has the next one's name."
            for name in decision.failed
        )
        return FileName(decision.answer, problems)

    def _problems_of(self, draft: PictureDraft, answered: Collection[str]) -> str:
        """Sentences on extensions that failed on a picture; empty where none did."""
        said = list(draft.problems)
        if failed := [n for n in self._host.users("picture_metadata") if n not in answered]:
            said.append(f"Texts of the extensions {', '.join(failed)} are missing: they failed.")
        since = self._begun.get(draft.job_id, self._host.log.last)
        heard = dict.fromkeys(
            f"{f.extension} ({f.hook})"
            for f in self._host.log.since(since)
            if f.kind == "failed" and f.hook in POINTS and POINTS[f.hook].kind == "observe"
        )
        if heard:
            said.append(
                f"Extensions failed that only hear of it: {', '.join(heard)}; it is as it would be without them."
            )
        return " ".join(said)


# Any: what an extension gives, which may be anything.


def _name(given: Any) -> str:
    """A path below the outputs folder.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(given, str):
        raise TypeError(f"{given!r:.200} was given; a text was expected.")
    if fault := file_name_fault(given):
        raise ValueError(fault)
    return given
