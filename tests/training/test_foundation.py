"""What all starter models stand on."""

import os
from functools import partial
from pathlib import Path

from webui.training.foundation import ahead
from webui.training.scenes import scene_pool


def test_a_pool_is_drawn_by_other_processes_while_the_block_goes_on(tmp_path: Path) -> None:
    draw = partial(scene_pool, tmp_path, 4, 32)
    before = os.nice(0)
    with ahead(draw, wanted=True):
        assert os.nice(0) == before
    assert (tmp_path / "32-0-4" / "whole.json").exists()


def test_on_a_cpu_nothing_is_drawn_ahead(tmp_path: Path) -> None:
    with ahead(partial(scene_pool, tmp_path, 4, 32), wanted=False):
        pass
    assert not any(tmp_path.iterdir())
