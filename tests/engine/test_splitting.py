"""Work in parts: rows exactly, pictures in windows whose borders are not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tests.engine.rig import Rig, order
from tests.studio import REPOSITORY
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.ids import AdapterId, ModelId
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import LoadedControl
from webui.engine.adapters.lora import LoadedLora
from webui.engine.batching import Batcher, Limits
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.splitting import LEAST, split
from webui.engine.work import Answer, DecodeLatent, EncodeImage, EncodeText, Predict, Work
from webui.training.evaluation.drawing import load_folder
from webui.training.world.render import render
from webui.training.world.scene import sample_scene


@pytest.fixture(scope="module")
def starter() -> LoadedModel:
    return load_folder(REPOSITORY / "models" / "starter" / "text", ModelId("starter/text"))


def prediction(model: LoadedModel, rows: int) -> Predict:
    return Predict(model, torch.randn(rows, 4, 2, 2), 1.0, torch.randn(rows, 3, 5))


def test_rows_that_are_split_off_keep_all_that_they_follow(model: LoadedModel) -> None:
    info = AdapterInfo(AdapterId("a"), "lora", "A", "/a", 1)
    patches = ((LoadedLora(info, {}, 1), 1.0),)
    net = LoadedControl(info, torch.nn.Identity(), torch.float32, 4, 2, (), 1)
    controls = (Control(net, torch.zeros(1, 3, 4, 4), 1.0),)
    work = replace(prediction(model, 3), label=3.0, controls=controls, patches=patches)
    parted = split(work)
    assert parted is not None
    rows = [part for part in parted.parts if isinstance(part, Predict)]
    assert [part.x.shape[0] for part in rows] == [1, 2]
    assert torch.equal(torch.cat([part.x for part in rows]), work.x)
    assert work.tokens is not None
    assert torch.equal(torch.cat([part.tokens for part in rows if part.tokens is not None]), work.tokens)  # fmt: skip
    assert {(part.label, part.controls, part.patches) for part in rows} == {(3.0, controls, patches)}  # fmt: skip
    joined = parted.join([part.x for part in rows])
    assert isinstance(joined, Tensor)
    assert torch.equal(joined, work.x)


def test_rows_without_text_are_split_too(model: LoadedModel) -> None:
    parted = split(replace(prediction(model, 2), tokens=None))
    assert parted is not None
    assert [part.tokens for part in parted.parts if isinstance(part, Predict)] == [None, None]


def test_what_cannot_be_less_is_not_split(model: LoadedModel) -> None:
    side = LEAST - 1
    small: list[Work] = [
        prediction(model, 1),
        EncodeText(model, "a"),
        DecodeLatent(model, torch.zeros(1, 4, side, side), side, side),
        EncodeImage(model, torch.zeros(1, 3, side * 2, side * 2)),
    ]
    assert [split(work) for work in small] == [None] * 4


def test_a_part_that_fails_is_the_answer_to_the_whole(model: LoadedModel) -> None:
    failure = JobFailed("Odd.")
    works: list[Work] = [
        prediction(model, 2),
        DecodeLatent(model, torch.zeros(1, 4, 64, 64), 128, 128),
        EncodeImage(model, torch.zeros(1, 3, 128, 128)),
    ]
    for work in works:
        parted = split(work)
        assert parted is not None
        assert parted.join([torch.zeros(1), failure]) is failure


def _whole_and_in_windows(work: Work, least: int) -> tuple[Answer, Answer]:
    """Run as it is, and by a batcher whose memory holds works of so many values only."""

    def full(works: Sequence[Work]) -> list[Answer]:
        (only,) = works
        size = only.latent if isinstance(only, DecodeLatent) else only.pixels  # type: ignore[union-attr]
        if size[0, 0].numel() > least:
            raise torch.OutOfMemoryError("full")
        return execute(works)

    return execute([work])[0], Batcher(full, Limits()).run([work])[0]


def _scene() -> Tensor:
    rgb = torch.from_numpy(render(sample_scene(5, "watercolour"), 256, 256).image.copy())
    return rgb.permute(2, 0, 1)[None].float() / 127.5 - 1  # (1, 3, 256, 256)


def _steps(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean absolute step between neighbouring columns (axis 1) or rows (0)."""
    steps: NDArray[np.float64] = np.abs(np.diff(values, axis=axis)).mean((1 - axis, 2))
    return steps


def test_a_picture_in_windows_has_no_seams(starter: LoadedModel) -> None:
    """What windows change does not step where one begins or ends more than it does beside it."""
    latent = execute([EncodeImage(starter, _scene())])[0]
    assert isinstance(latent, Tensor)
    whole, parted = _whole_and_in_windows(DecodeLatent(starter, latent, 256, 256), 24 * 24)
    assert isinstance(whole, np.ndarray)
    assert isinstance(parted, np.ndarray)
    difference: NDArray[np.float64] = np.asarray(parted, float) - np.asarray(whole, float)
    assert abs(difference).mean() < 2
    borders = [8 * 8 - 1, 24 * 8 - 1]  # where the one window begins and the other one ends
    for axis in (0, 1):
        added = _steps(difference, axis)
        for border in borders:
            around = np.delete(added[border - 8 : border + 9], 8)
            assert added[border] < 1.5 * np.median(around)


def test_a_latent_from_windows_is_close_to_the_whole_one(starter: LoadedModel) -> None:
    whole, parted = _whole_and_in_windows(EncodeImage(starter, _scene()), 192 * 192)
    assert isinstance(whole, Tensor)
    assert isinstance(parted, Tensor)
    assert float((parted - whole).abs().mean()) < 0.05 * float(whole.std())


def test_a_picture_that_tiles_the_plane_does_so_in_windows_too(model: LoadedModel) -> None:
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(1, 4, 8, 8, generator=generator)
    latent = functional.interpolate(small.repeat(1, 1, 3, 3), scale_factor=5, mode="bicubic")
    latent = latent[..., 40:80, 40:80].contiguous()  # wraps round
    work = DecodeLatent(model, latent, 80, 80, tiling=True)
    whole, parted = _whole_and_in_windows(work, 36 * 72)
    assert isinstance(whole, np.ndarray)
    assert isinstance(parted, np.ndarray)
    difference: NDArray[np.float64] = np.asarray(parted, float) - np.asarray(whole, float)
    edges = abs(
        np.concatenate((difference[0], difference[-1], difference[:, 0], difference[:, -1]))
    )
    assert edges.mean() < 1.5 * abs(difference).mean() + 0.2


def test_a_picture_too_large_to_decode_is_decoded_in_windows_and_cropped(
    model: LoadedModel, tmp_path: Path
) -> None:
    tries = []

    def full(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], DecodeLatent):
            tries.append(works[0].latent.shape[-2:].numel())
            if tries[-1] > 30 * 30:
                raise torch.OutOfMemoryError("full")
        return execute(works)

    plain, tight = Rig(model), Rig(model, run=full)
    for rig in (plain, tight):
        rig.finish(order(model.checkpoint, width=88, height=72, steps=1, count=2))
        assert rig.ends() == {"job": "done"}
    assert tight.pictures("job")[1].shape == (72, 88, 3)
    assert tries.count(36 * 44) == 2  # both together, then one alone; the other is not tried
    difference = tight.pictures("job")[1].astype(int) - plain.pictures("job")[1]
    assert abs(difference).mean() < 6
