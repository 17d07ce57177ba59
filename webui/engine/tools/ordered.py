"""`models merge` and `models convert` as the studio orders them: what is said, is said in lines of JSON.

First `{"bytes": n}`, about as many as will be written; at the end nothing, or `{"error": sentence}`.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from webui.contracts.errors import EaselError
from webui.engine.tools import command
from webui.engine.tools.model_source import ModelSource
from webui.weights.room import check_room, made_bytes


def make(words: Sequence[str]) -> int:
    """Make one model; the result is the exit status.

    Args:
        words: As `webui.engine.tools.command` takes them.
    """
    try:
        options = command.read_arguments(words)
        source = ModelSource(Path(options.models[0]))
        without = command.omitted(options)
        wanted = sum(made_bytes(w.header, options.precision, without) for _, w in source.files())
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


def _say(told: dict[str, int | str]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
