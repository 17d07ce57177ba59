from __future__ import annotations

import pytest

from webui.weights.ldm_heads import Heads


def test_heads_are_as_many_everywhere_or_as_wide_everywhere() -> None:
    assert [Heads(count=8).of(channels) for channels in (64, 192)] == [8, 8]
    assert [Heads(width=32).of(channels) for channels in (64, 192)] == [2, 6]
    assert Heads().of(64) == 1


def test_channels_that_do_not_part_are_named() -> None:
    with pytest.raises(ValueError, match="100 channels do not part into 8"):
        Heads(count=8).of(100)
