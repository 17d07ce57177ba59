"""Models of the sizes that people have, by the real processes. Not run by default: it takes minutes and gigabytes."""

from __future__ import annotations

import pytest

from tests.bench.full_size import KINDS, SECONDS, Kind, full_size_row


@pytest.mark.large
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_a_full_size_model_loads_and_draws_within_24_gigabytes(kind: Kind) -> None:
    row = full_size_row(kind)
    if row.met is None:
        pytest.skip(row.measured)
    assert row.met, row.measured
