"""How the jobs of a benchmark ended: one that failed took no time, and would be the best of all."""

from __future__ import annotations

from webui.contracts.messages import JobEnded, WorkerEvent


class Ends:
    """A listener of an engine."""

    def __init__(self) -> None:
        self._failures: list[str] = []

    def __call__(self, event: WorkerEvent) -> None:
        """Note a job that did not become a picture."""
        if isinstance(event, JobEnded) and event.state != "done":
            self._failures.append(f"{event.job_id}: {event.error or event.state}")

    def check(self) -> None:
        """See that all became pictures.

        Raises:
            RuntimeError: one did not; says why.
        """
        if self._failures:
            raise RuntimeError(
                f"{len(self._failures)} jobs of the benchmark failed; the first: {self._failures[0]}"
            )
