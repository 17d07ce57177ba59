"""The HTTP server: finds a port, says when it answers, ends in good order on a signal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from webui.contracts.errors import EaselError

PORTS_TRIED = 100
GRACE_SECONDS = 1
"""How long open requests may take to end when the server is told to."""


class NoPort(EaselError):
    """No socket could be opened."""


def open_socket(host: str, first_port: int) -> socket.socket:
    """A listening socket on the first free port, beginning with the one wished for.

    Raises:
        NoPort: the address is not one of this machine, or all ports tried are busy.
    """
    last = min(first_port + PORTS_TRIED, 65_536)
    reason: OSError | None = None
    for port in range(first_port, last):
        try:
            return _listen(host, port)
        except (OSError, OverflowError) as error:
            reason = error if isinstance(error, OSError) else OSError(str(error))
    raise NoPort(
        f"No port from {first_port} to {last - 1} can be opened on {host!r}: {reason}. Name an address of "
        "this machine with --listen, and another port with --port."
    )


class Server(uvicorn.Server):
    """Uvicorn, with our own signals: the program goes on after it, to end its worker."""

    def __init__(
        self, app: ASGIApp, on_started: Callable[[], None], on_exit: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # anybody could claim to be anybody; the guard counts by address
                timeout_graceful_shutdown=GRACE_SECONDS,
                lifespan="on",
            )
        )
        self._on_started, self._on_exit = on_started, on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then tells that requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, after the open event streams were ended: it would wait for them."""
        self._on_exit()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on a signal, without passing it on afterwards as uvicorn does."""
        names = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
        signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.signal(number, self._end) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def address_of(opened: socket.socket) -> str:
    """The address for a browser on this machine."""
    host, port = opened.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this would let two programs share the port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(2048)
    except BaseException:
        opened.close()
        raise
    opened.set_inheritable(False)
    return opened
