"""What reading a damaged file raises, brought into one sentence for the person whose file it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from webui.contracts.errors import BrokenModel, NotAModel
from webui.engine.memory import is_out_of_memory

DAMAGE = (
    OSError, LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError,
    SafetensorError, BrokenModel, NotAModel,
)  # fmt: skip
"""What readers of files, and networks that are given the wrong weights, raise."""


@contextmanager
def told_as_damage(what: str, path: str) -> Iterator[None]:
    """Around the reading of files. Memory that is full is no fault of theirs, and passes.

    Args:
        what: Begins the sentence: "The LoRA 'loras/chalk'".
        path: Where it was read from.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    try:
        yield
    except DAMAGE as error:
        if is_out_of_memory(error):
            raise
        why = str(error).rstrip(". ") or type(error).__name__
        raise BrokenModel(
            f"{what} cannot be loaded from {path!r}: {why}. Download or train it again."
        ) from error
