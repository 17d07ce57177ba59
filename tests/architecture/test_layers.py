"""Imports point downward."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_contract_between_the_floors_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "check"), "layers"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
