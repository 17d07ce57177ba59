"""A model that edits sees the picture beside its latent, and how closely it keeps to it is guided by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeImage, Predict


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "image.png", 64, 64)


@pytest.fixture
def model(library: Library) -> LoadedModel:
    return library.model("edit")


def asked(model: LoadedModel, image: Path, **fields: Any) -> list[Predict]:
    """What the network is asked for a picture of two steps."""
    rig = Rig(model)
    files = {"image": image}
    rig.finish(order(model.checkpoint, files=files, width=64, height=64, steps=2, **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    assert len(rig.works(EncodeImage)) == 1
    return rig.works(Predict)


def test_the_picture_stands_beside_the_latent_and_once_it_does_not(
    model: LoadedModel, image: Path
) -> None:
    first = asked(model, image, guidance_scale=5.0, image_guidance_scale=1.5)[0]
    assert first.x.shape[:2] == (3, 8)
    assert torch.equal(first.x[0], first.x[1])
    assert torch.equal(first.x[2, :4], first.x[0, :4])
    assert first.x[0, 4:].abs().max() > 0
    assert not first.x[2, 4:].any()
    assert first.tokens is not None
    assert torch.equal(first.tokens[1], first.tokens[2])


def test_without_image_guidance_a_pass_is_no_larger_than_usual(
    model: LoadedModel, image: Path
) -> None:
    works = asked(model, image, guidance_scale=5.0, image_guidance_scale=1.0)
    assert [len(work.x) for work in works] == [2, 2]


def test_all_steps_are_taken_whatever_the_strength(model: LoadedModel, image: Path) -> None:
    assert len(asked(model, image, denoising_strength=0.1)) == 2


def test_image_guidance_alone_needs_the_negative_prompt(model: LoadedModel, image: Path) -> None:
    works = asked(model, image, guidance_scale=1.0, image_guidance_scale=2.0)
    assert [len(work.x) for work in works] == [3, 3]
