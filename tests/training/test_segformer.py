"""The segmentation model in the box is taught and written as a folder of transformers' that the studio finds."""

from pathlib import Path

import pytest

from webui.contracts.ids import AdapterId
from webui.services.segmenter_files import describe_segmenter_folder
from webui.training.segformer import main
from webui.training.world import CLASSES


def test_the_command_trains_and_writes_a_folder_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "segformer"
    monkeypatch.setattr("webui.training.command.POOL_SCENES", {"cpu": 8})
    flags = ["--recipe", "cpu", "--minutes", "0.002", "--work", str(tmp_path / "run")]
    assert main([*flags, "--scenes", "8", "--out", str(out)]) == 0
    found = describe_segmenter_folder(out, AdapterId("segformer"))
    assert found is not None
    assert found.classes == tuple(entry.name for entry in CLASSES)
    assert (out / "preprocessor_config.json").exists()
