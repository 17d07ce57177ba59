"""The measure itself: what was freed long before hides nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.studio import REPOSITORY

MEASURED = """
import numpy as np
from tests.peak import peak_rise
np.ones(10_000_000)  # 80 MB, freed at once
with peak_rise() as rise:
    np.ones(5_000_000)
with peak_rise() as none:
    pass
print(rise.bytes, none.bytes)
"""
"""In a process of its own: threads that other tests left behind may free as much meanwhile."""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count for the whole process")
def test_a_rise_is_seen_below_an_older_peak() -> None:
    said = subprocess.run(
        [sys.executable, "-c", MEASURED],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    rise, none = map(int, said.stdout.split())
    assert 35e6 < rise < 60e6
    assert none < 10e6
