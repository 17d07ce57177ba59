"""A server on loopback that can drop, resume, redirect and lie."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any


@dataclass
class File:
    """What is at a path, and how the server behaves there."""

    content: bytes
    etag: str | None = '"one"'
    drop_after: list[int] = field(default_factory=list)
    """For one request each: bytes of the body after which the connection ends."""
    ranges: bool = True
    """Whether ranges are answered; else everything is sent."""
    length: int | None = None
    """What Content-Length says; None: the truth. -1: nothing is said."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    """Held before the second half of the body until it is set."""


class Server:
    """Files by path; every request is written down."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.files: dict[str, File] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def put(self, path: str, content: bytes, **behaviour: Any) -> File:
        self.files[path] = file = File(content, **behaviour)
        return file

    def put_json(self, path: str, content: Any) -> None:
        self.put(path, json.dumps(content).encode())

    def ranges(self, path: str) -> list[str | None]:
        """The ranges that were asked for at a path."""
        return [headers.get("range") for asked, headers in self.asked if asked == path]


def weights(count: int = 50_000, seed: int = 1) -> bytes:
    """A safetensors file."""
    data = bytes((i * seed) % 251 for i in range(count))
    header = {"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def running_server() -> Iterator[Server]:
    holder: list[Server] = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: holder[0]))
    holder.append(Server(http.server_address[1]))
    thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield holder[0]
    http.shutdown()
    http.server_close()


def _handler(server: Callable[[], Server]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name.lower(): value for name, value in self.headers.items()}
            server().asked.append((self.path, asked))
            file = server().files.get(self.path)
            if file is None:
                self.send_error(404)
                return
            start = _start(file, asked)
            body = file.content[start:]
            self._send_head(file, start, len(body))
            with suppress(OSError):  # the other side may go
                _write(self.wfile, file, body)

        def _send_head(self, file: File, start: int, length: int) -> None:
            past = start >= len(file.content) > 0
            self.send_response(416 if past else 206 if start else file.status)
            if start and not past:
                last = len(file.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(file.content)}")
            own = {"Connection": "close"} | ({"ETag": file.etag} if file.etag else {})
            if file.length != -1:
                own["Content-Length"] = str(file.length or length)
            for name, value in {**own, **file.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _start(file: File, asked: Mapping[str, str]) -> int:
    wanted = asked.get("range")
    fits = asked.get("if-range", file.etag) == file.etag
    return int(wanted[6:-1]) if wanted and fits and file.ranges else 0


def _write(out: BufferedIOBase, file: File, body: bytes) -> None:
    if file.drop_after:
        body = body[: file.drop_after.pop(0)]
    if file.gate is not None:
        out.write(body[: len(body) // 2])
        out.flush()
        file.gate.wait(60)
        body = body[len(body) // 2 :]
    out.write(body)
