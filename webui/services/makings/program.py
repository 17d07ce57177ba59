"""One run of the program that makes a model: followed while it runs, ended when asked."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from webui.contracts.errors import EaselError

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "webui.engine.tools.for_studio")
SAID_CHARACTERS = 4000

_log = logging.getLogger(__name__)


class NotMade(EaselError):
    """The program did not make the model; the message says why."""


class Program:
    """A process that makes one model. `end` may be called from any thread."""

    def __init__(self, words: Sequence[str], command: Sequence[str] = COMMAND) -> None:
        """Start it.

        Args:
            words: What `webui.engine.tools.command` takes.
            command: The program, which says in lines of JSON what `webui.engine.tools.ordered` says.

        Raises:
            OSError: it cannot be started.
        """
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by `wait`
        self._process = subprocess.Popen(
            [*command, *words],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            start_new_session=True,  # Ctrl-C is for the studio, which ends this
        )  # fmt: skip

    def end(self) -> None:
        """Have it end at once, done or not."""
        self._process.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process itself."""
        return self._process

    def wait(self, expects: Callable[[int], None]) -> None:
        """Return when the model is made.

        Args:
            expects: Told about how many bytes will be written, once that is known.

        Raises:
            NotMade: it is not.
        """
        error = ""
        with self._process as process, self._said:
            for line in process.stdout or ():
                told = _read(line)
                if isinstance(total := told.get("bytes"), int):
                    expects(total)
                error = str(told.get("error", error))
            code = process.wait()
            self._said.seek(0)
            said = self._said.read().decode("utf-8", "replace")[-SAID_CHARACTERS:]
        if code == 0:
            return
        if error:
            raise NotMade(error)
        if code < 0:
            raise NotMade(
                f"The program that made it was ended by signal {-code}. Systems do that when memory is short: close "
                "what else takes memory, then order it again."
            )
        _log.error("The program that makes models ended with %d:\n%s", code, said)
        raise NotMade("Easel failed inside while it made this; its log says why.")


def _read(line: bytes) -> dict[str, object]:
    """A line of the program; what is none (libraries print, too) says nothing."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
