"""The measure itself: what was freed long before hides nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.peak import peak_rise


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count for the whole process")
def test_a_rise_is_seen_below_an_older_peak() -> None:
    np.ones(10_000_000)  # 80 MB, freed at once
    with peak_rise() as rise:
        np.ones(5_000_000)
    assert 35e6 < rise.bytes < 60e6
    with peak_rise() as rise:
        pass
    assert rise.bytes < 10e6
