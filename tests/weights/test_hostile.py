"""Whatever a file holds, describing it ends soon in an error of ours, runs nothing and fills no memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.peak import peak_rise
from tests.weights.hostile import hostile_files
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.single_file import describe_file

MOST_SECONDS = 1.0
MOST_BYTES = 200 * 10**6


def _check(folder: Path, count: int) -> None:
    marker = folder / "it-ran"
    with peak_rise() as rise:
        for file in hostile_files(folder, count, marker):
            began = time.thread_time()
            with pytest.raises((NotAModel, BrokenModel)) as caught:
                describe_file(file, ModelId(file.name))
            assert time.thread_time() - began < MOST_SECONDS, caught.value
            assert len(str(caught.value)) > 20
            file.unlink()
            assert not marker.exists()
    assert rise.bytes < MOST_BYTES


@pytest.mark.usefixtures("quiet_memory")
def test_two_thousand_hostile_files_are_refused(tmp_path: Path) -> None:
    _check(tmp_path, 2000)
