"""Model families of extensions: asked about files within a time, and answers checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webui.contracts.checkpoint import TASKS
from webui.hooks.host import HookHost
from webui.hooks.loading import NeverEnded, guarded, within
from webui.weights.signatures.facts import Describe, Facts, No, WeightsFile

DESCRIBE_SECONDS = 5.0
"""How long a family may look at one file; one that takes longer is asked no more until it is loaded anew."""
_PREDICTIONS = ("epsilon", "v_prediction", "sample", "flow")


def added_family(
    host: HookHost, extension: str, name: str, describe: Describe, seconds: float = DESCRIBE_SECONDS
) -> tuple[str, Describe]:
    """A family by its whole name. What its code does wrong is named, once, and that file is not its own."""
    whole = f"{extension}/{name}"
    faults: list[Exception] = []

    def ask(file: WeightsFile) -> Facts | No:
        if any(isinstance(fault, NeverEnded) for fault in faults):
            return No(f"It did not come back from a file before: {faults[-1]}")
        try:
            answer = host.clocked(
                extension,
                "families",
                lambda: guarded(extension, lambda: within(seconds, lambda: describe(file))),
            )
            return _checked(answer, whole)
        except Exception as error:  # noqa: BLE001 - the border of the hook host
            if not faults or isinstance(error, NeverEnded):
                host.log.note(extension, "families", error)
            faults.append(error)
            return No(f"It failed: {error}")

    return whole, ask


# Any: what an extension gives, which may be anything.
def _checked(answer: Any, family: str) -> Facts | No:
    """An answer as the catalog takes it, with the family's whole name.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(answer, No):
        return answer
    if not isinstance(answer, Facts):
        raise TypeError(f"{answer!r:.200} was given; Facts or No were expected.")
    sizes: tuple[Any, ...] = answer.latent_channels, answer.latent_factor, answer.native_size
    if not all(isinstance(size, int) and 0 < size <= 4096 for size in sizes):
        raise ValueError(
            f"The channels, factor and size {sizes!r:.100} were given; numbers from 1 to 4096 were expected."
        )
    if answer.task not in TASKS or answer.prediction not in _PREDICTIONS:
        raise ValueError(
            f"The task {answer.task!r:.50} and the prediction {answer.prediction!r:.50} were given; one of "
            f"{', '.join(TASKS)}, and one of {', '.join(_PREDICTIONS)}, were expected."
        )
    return replace(answer, family=family)
