"""The most memory that this process had in a while, whatever it had before."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Rise:
    """How far memory rose within a block, at its highest; known at its end."""

    bytes: int = 0


@contextmanager
def peak_rise() -> Iterator[Rise]:
    """Measure a block. Elsewhere than on Linux the process's highest so far stands for its beginning."""
    rise = Rise()
    try:
        CLEAR.write_text("5")  # the count of the highest begins anew, at what there is now
    except OSError:
        before = _highest_ever()
        yield rise
        rise.bytes = _highest_ever() - before
        return
    before = _of_status("VmRSS")
    yield rise
    rise.bytes = _of_status("VmHWM") - before


def _of_status(name: str) -> int:
    (line,) = (text for text in STATUS.read_text().splitlines() if text.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _highest_ever() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
