"""What one check has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webui.contracts.extension import HookFailure


@dataclass(frozen=True)
class Outcome:
    """One check of an extension."""

    what: str
    """'manifest', or 'studio: change_request'."""
    passed: bool
    said: str = ""
    """What was found; why it failed."""

    def __str__(self) -> str:
        """One line."""
        mark = "ok    " if self.passed else "FAILED"
        return f"{mark}  {self.what}" + (f": {self.said}" if self.said else "")


def of_hooks(
    process: str, hooks: Sequence[str], failures: Sequence[HookFailure]
) -> tuple[Outcome, ...]:
    """One outcome for each hook that was called, by what was noted of it; a slow one passes, and is named."""
    outcomes = []
    for hook in hooks:
        noted = [failure for failure in failures if failure.hook == hook]
        bad = [failure for failure in noted if failure.kind == "failed"]
        said = "; ".join(dict.fromkeys(failure.message for failure in bad or noted))
        outcomes.append(Outcome(f"{process}: {hook}", not bad, said))
    return tuple(outcomes)
