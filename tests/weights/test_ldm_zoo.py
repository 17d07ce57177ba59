from __future__ import annotations

import pytest

from webui.weights.ldm_zoo import RELEASED, most_like, released


def test_every_system_is_found_by_its_name_and_by_its_sizes() -> None:
    assert len({system.name for system in RELEASED}) == len(RELEASED)
    for system in RELEASED:
        assert released(system.name) is system
        assert most_like(system.task, system.channels) is system


def test_other_sizes_are_taken_for_the_first_of_the_task() -> None:
    assert most_like("class", 32).name == "cin256"
    with pytest.raises(LookupError):
        most_like("depth", 32)
