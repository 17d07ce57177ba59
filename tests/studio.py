"""A real studio in its own process and data folder, started and asked over HTTP as a user would."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Studio:
    """A started studio."""

    address: str
    """http://127.0.0.1:port"""
    process: subprocess.Popen[bytes]
    started: float
    """time.perf_counter() just before the start."""

    def get(self, path: str) -> Any:
        """JSON of a GET below /api/v1."""
        with urllib.request.urlopen(f"{self.address}/api/v1{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any], seconds: float = 120) -> Any:
        """JSON of a POST below /api/v1."""
        headers = {"Content-Type": "application/json"}
        address = f"{self.address}/api/v1{path}"
        call = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(call, timeout=seconds) as answer:
            return json.load(answer)

    def submit(self, **request: Any) -> str:
        """Queue a job; its id."""
        return str(self.post("/jobs", request, 30)["id"])

    def prefer(self, name: str, value: object) -> None:
        """Change a setting."""
        body = json.dumps({"value": value}).encode()
        headers = {"Content-Type": "application/json"}
        address = f"{self.address}/api/v1/settings/{name}"
        urllib.request.urlopen(
            urllib.request.Request(address, body, headers, method="PUT"), timeout=30
        ).close()

    def upload(self, picture: Image.Image) -> str:
        """Give the studio a picture; its id."""
        file = io.BytesIO()
        picture.save(file, "PNG")
        headers = {"Content-Type": "application/octet-stream"}
        call = urllib.request.Request(f"{self.address}/api/v1/images", file.getvalue(), headers)
        with urllib.request.urlopen(call, timeout=30) as answer:
            return str(json.load(answer)["id"])

    def wait(self, job_id: str, seconds: float = 300) -> dict[str, Any]:
        """Poll until the job is final; its snapshot.

        Raises:
            TimeoutError: it did not end in time.
            RuntimeError: it failed.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.get(f"/jobs/{job_id}")
            if job["state"] == "done":
                return job
            if job["state"] in ("failed", "cancelled"):
                raise RuntimeError(f"Job {job_id} ended as {job['state']}: {job['error']}")
            time.sleep(0.02)
        raise TimeoutError(f"Job {job_id} did not end within {seconds} s.")

    def events(self, job_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and data of each server-sent event of a job, until the stream closes."""
        with urllib.request.urlopen(
            f"{self.address}/api/v1/jobs/{job_id}/events", timeout=60
        ) as stream:
            name = ""
            for raw in stream:
                line = raw.decode().rstrip("\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    yield name, json.loads(line[5:])

    def resident_bytes(self) -> tuple[int, int]:
        """Memory of the studio process, and of its workers together."""
        studio = psutil.Process(self.process.pid)
        workers = sum(child.memory_info().rss for child in studio.children(recursive=True))
        return studio.memory_info().rss, workers

    def peak_bytes(self) -> tuple[int, int]:
        """The most memory that the studio process ever had, and its workers, each by itself.

        Where the system keeps no such count: what they have now.
        """
        studio = psutil.Process(self.process.pid)
        return _peak(studio), sum(map(_peak, studio.children(recursive=True)))


def _peak(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def started_studio(data_dir: Path, *flags: str) -> Iterator[Studio]:
    """Start a studio and stop it at the end of the block; it may not answer yet when handed over."""
    port = free_port()
    command = [sys.executable, "-m", "webui.cli", "serve", "--port", str(port), "--no-browser"]
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "studio.log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), *flags], cwd=REPOSITORY, stdout=log, stderr=log
        )
        try:
            yield Studio(f"http://127.0.0.1:{port}", process, started)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def seconds_until(studio: Studio, path: str, wanted: bytes, seconds: float = 60) -> float:
    """Seconds from the start until GET `path` answers 200 with `wanted` in its body.

    Raises:
        TimeoutError: it did not within `seconds`.
    """
    while time.perf_counter() - studio.started < seconds:
        try:
            with urllib.request.urlopen(studio.address + path, timeout=5) as answer:
                if answer.status == 200 and wanted in answer.read():
                    return time.perf_counter() - studio.started
        except OSError:
            pass
        time.sleep(0.02)
    raise TimeoutError(f"{path} did not answer with {wanted!r} within {seconds} s.")
