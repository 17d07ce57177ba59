"""What one check has found."""

from __future__ import annotations

from collections.abc import Container, Sequence
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
    process: str,
    hooks: Sequence[str],
    called: Container[str],
    failures: Sequence[HookFailure],
) -> tuple[Outcome, ...]:
    """One outcome for each hook: it must have been called, come back, and not failed; a slow one passes, and is named."""
    outcomes = []
    for hook in hooks:
        noted = [failure for failure in failures if failure.hook == hook]
        bad = [failure for failure in noted if failure.kind in ("failed", "endless")]
        bad = bad or [failure for failure in noted[-1:] if failure.kind == "late"]
        said = "; ".join(dict.fromkeys(failure.message for failure in bad or noted))
        if not noted and hook not in called:
            outcomes.append(Outcome(f"{process}: {hook}", False, "was never called"))
            continue
        outcomes.append(Outcome(f"{process}: {hook}", not bad, said))
    return tuple(outcomes)
