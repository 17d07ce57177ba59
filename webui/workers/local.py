"""A worker as a child process: frames on its stdin and stdout, its stderr into our log."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

from webui.contracts.messages import (
    Command,
    Quit,
    WorkerEvent,
    WorkerGone,
)
from webui.contracts.wire import read_message, write_message
from webui.workers.protocol import OnEvent

GRACE_SECONDS = 5.0
"""How long a process whose output has ended may take to end itself."""
KEPT_LINES = 12
_HINTS = {
    "SIGKILL": " (the system may have run out of memory)",
    "SIGBUS": " (a file that it read was cut short meanwhile, or its disk failed)",
}
"""What a signal mostly means."""

_log = logging.getLogger(__name__)


class LocalWorker:
    """Starts `argv` and speaks with it; see `protocol.Worker` for what is promised."""

    def __init__(
        self, on_event: OnEvent, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Nothing is started yet.

        Args:
            on_event: Told of everything, from a thread of this handle.
            argv: The program and its arguments.
            environment: Of the process; ours when None.
        """
        self._on_event = on_event
        self._argv = list(argv)
        self._environment = None if environment is None else dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._sending = threading.Lock()
        self._last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._reader = threading.Thread(target=self._read, name="worker-reader", daemon=True)
        self._logger = threading.Thread(target=self._forward_log, name="worker-log", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: the program cannot be started at all.
        """
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            # Ctrl-C in the terminal is for the studio, which then ends its workers in good order.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._logger.start()
        self._reader.start()  # it waits for the other at its end

    def send(self, command: Command) -> None:
        """Write one frame; dropped with a log line when the process has ended."""
        if self._process is None:
            return
        try:
            with self._sending:
                write_message(_pipe(self._process.stdin), command)
        except (OSError, ValueError) as error:
            # ValueError: the pipe was closed by `stop`. Either way WorkerGone is on its way.
            _log.info("%s could not be sent to the worker: %s.", type(command).__name__, error)

    def stop(self, timeout: float) -> None:
        """Say Quit, close its input, and kill it when it is still there after `timeout` seconds."""
        process = self._process
        if process is None:
            return
        # In a thread of its own: a worker that hangs leaves the pipe full, and the write waiting.
        threading.Thread(target=self._say_goodbye, name="worker-goodbye", daemon=True).start()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            _log.warning("The worker %d did not end in %.1f s and is killed.", process.pid, timeout)
            process.kill()
            process.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(GRACE_SECONDS)

    def _say_goodbye(self) -> None:
        self.send(Quit())
        self._close_input()

    def _close_input(self) -> None:
        if self._process is None:
            return
        try:
            with self._sending:
                _pipe(self._process.stdin).close()
        except OSError:
            pass  # what was still to be flushed had no reader any more

    def _read(self) -> None:
        process = self._process
        assert process is not None  # this thread is begun after the process
        spoiled = self._pass_on_events(_pipe(process.stdout))
        try:
            process.wait(0.0 if spoiled else GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        self._close_input()
        self._logger.join(1.0)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None and not self._logger.is_alive():
                pipe.close()
        self._on_event(
            WorkerGone(self._reason(code, spoiled), _signal_name(-code) if code < 0 else "")
        )

    def _pass_on_events(self, stdout: BinaryIO) -> str | None:
        """Read until the end; the reason when something else than our frames came."""
        while True:
            try:
                message = read_message(stdout)
            except (ValueError, TypeError, AttributeError) as error:
                return str(error)
            except OSError:
                return None
            if message is None:
                return None
            self._tell(cast(WorkerEvent, message))

    def _tell(self, event: WorkerEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - the border of the worker loop
            _log.exception("The handling of %s failed.", type(event).__name__)

    def _forward_log(self) -> None:
        process = self._process
        assert process is not None  # this thread is begun after the process
        for raw in _pipe(process.stderr):
            line = raw.decode("utf-8", "replace").rstrip()
            if line:
                self._last_lines.append(line)
                _log.info("worker: %s", line)

    def _reason(self, code: int, spoiled: str | None) -> str:
        if spoiled is not None:
            what = f"The worker process wrote something that is no message and was ended: {spoiled}"
        elif code < 0:
            name = _signal_name(-code)
            what = f"The worker process was ended by {name}{_HINTS.get(name, '')}."
        else:
            what = f"The worker process ended with code {code}."
        if not self._last_lines or code == 0:
            return what
        return f"{what} Its last words: " + " | ".join(list(self._last_lines)[-3:])


def _pipe(stream: object) -> BinaryIO:
    """A pipe that exists, as it was asked for; Popen's type leaves that open."""
    return cast(BinaryIO, stream)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
