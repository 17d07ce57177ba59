"""Measure a real studio on this machine and write `docs/benchmarks.md`.

Everything but the network's bare forward time is measured from outside, over HTTP, on a studio
that this program starts in an empty data folder. Medians; the machine is named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.parts import PARTS, alone, device_title, rows_of
from tests.bench.table import Row, as_markdown
from tests.studio import REPOSITORY

GPU_PAGE = REPOSITORY / "docs" / "benchmarks-gpu.md"
"""What `--only gpu` printed where there was one, with its hardware, put there by hand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all measurements; prints and writes the table."""
    parser = argparse.ArgumentParser(prog="launch.py bench", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="jobs of the memory test")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        help="these parts; prints, writes nothing",
    )
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    rows: list[Row] = []
    for part in chosen.only:
        started = time.perf_counter()
        rows += alone(rows_of, part, chosen.jobs)
        print(f"{part}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    kept = GPU_PAGE.read_text() if GPU_PAGE.exists() else ""
    text = as_markdown(rows, device_title(), kept)
    print(text)
    if chosen.only == PARTS:
        chosen.output.parent.mkdir(exist_ok=True)
        chosen.output.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
