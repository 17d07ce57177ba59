"""A mask that has not the picture's shape is drawn with, and the job says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.engine.rig import Rig, order
from webui.engine.model import LoadedModel


def kept(folder: Path, name: str, size: tuple[int, int], white: bool = False) -> Path:
    path = folder / f"{name}.png"
    Image.new("L" if white else "RGB", size, "white").save(path)
    return path


@pytest.mark.parametrize(
    ("mask", "picture", "is_said"),
    [
        ((32, 32), (64, 64), False),  # enlarged
        ((64, 42), (32, 21), False),
        ((64, 43), (32, 21), False),  # rounded
        ((32, 32), (64, 40), True),
        ((64, 64), (64, 60), True),
    ],
)
def test_another_shape_is_said_and_another_size_is_not(
    model: LoadedModel,
    tmp_path: Path,
    mask: tuple[int, int],
    picture: tuple[int, int],
    is_said: bool,
) -> None:
    files = {"image": kept(tmp_path, "a", picture), "mask": kept(tmp_path, "b", mask, white=True)}
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files=files, steps=1, width=64, height=64))
    assert rig.ends() == {"job": "done"}
    notes = [note.text for note in rig.notes() if "mask" in note.text]
    expected = (
        f"The mask has {mask[0]} x {mask[1]} pixels and the picture {picture[0]} x {picture[1]}"
    )
    assert [note.startswith(expected) for note in notes] == [True] * is_said
