"""A model that varies a picture is told what its encoder sees, with noise that is the picture's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeImage, Predict, ReadPicture


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "image.png", 64, 48)


@pytest.fixture
def model(library: Library) -> LoadedModel:
    return library.model("variation")


def finished(model: LoadedModel, image: Path, **fields: Any) -> Rig:
    """A job of two steps."""
    rig = Rig(model)
    files = {"image": image}
    rig.finish(order(model.checkpoint, files=files, width=64, height=64, steps=2, **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig


def told(rig: Rig) -> torch.Tensor:
    """What the first row of the first step is told of the picture."""
    pooled = rig.works(Predict)[0].pooled
    assert pooled is not None
    return pooled[0]


def test_its_pixels_are_not_begun_with_and_all_steps_are_taken(
    model: LoadedModel, image: Path
) -> None:
    rig = finished(model, image, denoising_strength=0.1)
    assert len(rig.works(Predict)) == 2
    assert not rig.works(EncodeImage)


def test_pictures_of_a_job_share_one_look_and_have_noise_of_their_own(
    model: LoadedModel, image: Path
) -> None:
    rig = finished(model, image, count=2, noise_augmentation=0.5)
    assert (
        len({id(batch) for batch in rig.batches for w in batch if isinstance(w, ReadPicture)}) == 1
    )
    first = rig.batches[[isinstance(b[0], Predict) for b in rig.batches].index(True)]
    rows = [w.pooled[0] for w in first if isinstance(w, Predict) and w.pooled is not None]
    width = rows[0].shape[0] // 2
    assert len(rows) == 2
    assert not torch.allclose(rows[0][:width], rows[1][:width])
    assert torch.equal(rows[0][width:], rows[1][width:])  # the level


def test_without_noise_it_is_told_what_the_encoder_says(model: LoadedModel, image: Path) -> None:
    rig = finished(model, image)
    (look,) = rig.works(ReadPicture)
    with torch.inference_mode():
        said = look.net.says(look.pixels, patches=False)[0, 0]
    assert torch.allclose(told(rig)[: len(said)], said, atol=0.05)  # level 0 is a little noise
    noisy = told(finished(model, image, noise_augmentation=1.0))
    assert (noisy[: len(said)] - said).abs().max() > 0.5
