"""`models merge` and `models convert` as the studio orders them: what is said, is said in lines of JSON.

First `{"bytes": n}`, about as many as will be written; at the end nothing, or `{"error": sentence}`.
"""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from webui.contracts.errors import BadRequest, EaselError
from webui.engine.packed.weight import PackedWeight
from webui.engine.tools import command
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.writing import PRECISIONS


def make(words: Sequence[str]) -> int:
    """Make one model; the result is the exit status.

    Args:
        words: As `webui.engine.tools.command` takes them.
    """
    try:
        options = command.read_arguments(words)
        source = ModelSource(Path(options.models[0]))
        wanted = expected_bytes(source, PRECISIONS.get(options.precision), command.omitted(options))
        check_room(wanted, Path(options.target).parent)
        _say({"bytes": wanted})
        command.main(words)
    except EaselError as error:
        _say({"error": str(error)})
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC and not isinstance(error, FileNotFoundError):
            raise
        reason = error.strerror or type(error).__name__
        _say({"error": f"The model could not be written: {reason}. Nothing of it was kept."})
        return 1
    return 0


def expected_bytes(
    source: ModelSource, precision: torch.dtype | None, without: tuple[str, ...]
) -> int:
    """Bytes of the weights of what is made: exact in the layout of `source`, about as many in another.

    Args:
        source: The first model.
        precision: What its numbers are stored in; None: as they are, unpacked where they are packed.
        without: Beginnings of names that are left out.

    Raises:
        NotAModel, BrokenModel: it cannot be read.
    """
    total = 0
    for _, weights in source.files():
        for name in weights:
            if name.startswith(without):
                continue
            stored = weights.stored(name)
            dtype = torch.float32 if isinstance(stored, PackedWeight) else stored.dtype
            if precision is not None and dtype.is_floating_point:
                dtype = precision
            total += torch.Size(weights.header.shapes[name]).numel() * dtype.itemsize
    return total


def check_room(wanted: int, folder: Path) -> None:
    """See that bytes fit on the disk of a folder, which is there.

    Raises:
        BadRequest: they do not.
    """
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise BadRequest(
            f"The model takes about {wanted / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free where models lie. Make room, "
            "or choose a smaller precision."
        )


def _say(told: dict[str, int | str]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
