"""The segmentation model in the box, read as any that is installed: found, loaded, and right about scenes it has never seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from webui.contracts.ids import AdapterId
from webui.contracts.messages import ClassesRead, ReadClasses
from webui.engine.adapters.segmenter import SEEN_SIDE, load_segmenter
from webui.engine.adapters.store import AdapterStore
from webui.engine.class_reading import ClassReader
from webui.services.segmenter_files import describe_segmenter_folder
from webui.training.evaluation.unseen import unseen
from webui.training.world import CLASSES

CPU = torch.device("cpu")
FOLDER = Path(__file__).resolve().parents[3] / "models" / "starter" / "segformer"


def test_it_knows_the_classes_of_unseen_scenes(tmp_path: Path) -> None:
    info = describe_segmenter_folder(FOLDER, AdapterId("starter/segformer"))
    assert info is not None
    assert info.classes == tuple(entry.name for entry in CLASSES)
    told: list[ClassesRead] = []
    reader, scenes, right = ClassReader(CPU, told.append, AdapterStore()), unseen(8, 256, 7000), []
    for index, (picture, truth) in enumerate(zip(scenes.pictures, scenes.class_maps, strict=True)):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
        reader.answer(ReadClasses(str(index), info, str(tmp_path / f"{index}.png")))
        assert told[-1].error is None
        read = np.frombuffer(told[-1].data, np.uint8).reshape(truth.shape)
        right.append((read == truth).mean())
    assert np.mean(right) > 0.9


@pytest.mark.parametrize(
    ("said", "side"), [({"height": 512, "width": 512}, 512), (256, 256), ("large", SEEN_SIDE)]
)
def test_a_network_is_shown_what_its_folder_says(tmp_path: Path, said: object, side: int) -> None:
    shutil.copytree(FOLDER, tmp_path / "copy")
    (tmp_path / "copy" / "preprocessor_config.json").write_text(json.dumps({"size": said}))
    info = describe_segmenter_folder(tmp_path / "copy", AdapterId("copy"))
    assert info is not None
    assert load_segmenter(info, CPU).side == side
