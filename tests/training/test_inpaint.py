"""Inpainting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline, UNet2DConditionModel
from torch import Tensor

from tests.training.kinds import (
    SameBatch,
    check_learns,
    fixed_loss,
    run_main,
    same_parts,
    tiny_pool,
    tiny_unet,
)
from tests.training.parts import CPU, SIZE, TINY_LOOP
from webui.contracts.ids import ModelId
from webui.engine.programs.conditions import mask_plane
from webui.services.diffusers_folder import describe_folder
from webui.training.inpaint import (
    InpaintSettings,
    Mask,
    MaskSettings,
    draw_mask,
    draw_masks,
    inpaint_planes,
    main,
    train_inpaint,
)
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts, widen_input
from webui.training.scenes import THING_CLASSES
from webui.training.world import CLASS_INDEX

SETTINGS = InpaintSettings(loop=TINY_LOOP)
NONE = MaskSettings(strokes=0, rectangles=0, objects=0, surroundings=0, everything=0)


def one_mask(seed: int, sort: str, classes: Mask | None = None) -> Mask:
    """A hole of one sort."""
    return draw_mask((64, 96), classes, replace(NONE, **{sort: 1.0}), np.random.default_rng(seed))


def test_every_hole_is_of_zeros_and_ones_and_none_is_empty() -> None:
    sorts = ("strokes", "rectangles", "objects", "surroundings", "everything")
    for seed in range(40):
        for sort in sorts:
            mask = one_mask(seed, sort)
            assert mask.shape == (64, 96)
            assert mask.dtype == np.uint8
            assert mask.any()
            assert set(np.unique(mask)) <= {0, 1}


def test_strokes_and_rectangles_leave_something_and_everything_leaves_nothing() -> None:
    for sort in ("strokes", "rectangles", "surroundings"):
        shares = [one_mask(seed, sort).mean() for seed in range(60)]
        assert 0.1 < np.mean(shares) < 0.95
        assert np.min(shares) < 0.6
    assert one_mask(0, "everything").all()


def test_the_surroundings_are_all_but_rectangles() -> None:
    around = one_mask(3, "surroundings")
    assert np.array_equal(1 - around, one_mask(3, "rectangles"))


def test_a_hole_of_an_object_covers_one_whole_thing_and_a_margin() -> None:
    classes = np.full((64, 96), CLASS_INDEX["sky"], np.uint8)
    classes[20:30, 10:20] = classes[20:30, 60:70] = CLASS_INDEX["house"]
    lefts = set()
    for seed in range(20):
        mask = one_mask(seed, "objects", classes)
        left, right = mask[20:30, 10:20].all(), mask[20:30, 60:70].all()
        assert left != right  # one of the two houses
        assert mask.sum() > 100
        assert mask.mean() < 0.3
        lefts.add(bool(left))
    assert lefts == {True, False}


def test_where_there_is_no_thing_a_stroke_stands_for_one() -> None:
    assert not THING_CLASSES[CLASS_INDEX["sky"]]
    nothing = np.full((64, 96), CLASS_INDEX["sky"], np.uint8)
    assert one_mask(1, "objects", nothing).any()
    assert one_mask(1, "objects").any()


def test_the_network_sees_the_hole_then_the_picture_without_what_is_in_the_hole(
    tmp_path: Path,
) -> None:
    parts, pool = same_parts(), tiny_pool()
    pictures = np.array(pool.pictures[:2])
    masks = np.zeros((2, SIZE, SIZE), np.uint8)
    masks[0, 3:11, 8:16] = 1  # rows 0 and 1 of the second column of cells
    masks[1] = 1
    planes = inpaint_planes(parts, pictures, masks)
    assert planes.shape == (2, 9, 4, 4)
    assert torch.equal(planes[:, :1], mask_plane(masks))
    assert planes[0, 0].nonzero().tolist() == [[0, 1], [1, 1]]

    other = pictures.copy()
    other[0, 3:11, 8:16] = 7
    other[1] = 200
    assert torch.equal(planes, inpaint_planes(parts, other, masks))
    nothing_hidden = inpaint_planes(parts, pictures, np.zeros_like(masks))
    assert torch.equal(nothing_hidden[:, :1], torch.zeros(2, 1, 4, 4))
    assert torch.allclose(nothing_hidden[:, 1:], parts.encode(pictures), atol=1e-4)
    assert not torch.allclose(planes[0, 1:], nothing_hidden[0, 1:], atol=1e-3)


def loss_of(unet: torch.nn.Module, parts: FrozenParts, source: SameBatch) -> float:
    examples = source.examples
    masks = draw_masks(examples, MaskSettings(), np.random.default_rng(0))
    planes = inpaint_planes(parts, examples.pictures, masks)
    tokens = parts.tokens(list(examples.captions))

    def predict(x: Tensor, t: Tensor) -> Tensor:
        velocity: Tensor = unet(torch.cat([x, planes], 1), t, tokens).sample
        return velocity

    return fixed_loss(predict, parts.encode(examples.pictures))


def test_it_starts_as_the_text_model_learns_and_goes_on(tmp_path: Path) -> None:
    parts, source = same_parts(), SameBatch()
    x0, tokens = (
        parts.encode(source.examples.pictures),
        parts.tokens(list(source.examples.captions)),
    )
    text, widened = tiny_unet(), widen_input(tiny_unet(), 9)
    before = fixed_loss(lambda x, t: text(x, t, tokens).sample, x0)
    assert loss_of(widened, parts, source) == pytest.approx(before, abs=1e-5)

    def train(loop: LoopSettings) -> UNet2DConditionModel:
        settings = InpaintSettings(loop=loop)
        return train_inpaint(settings, parts, source, tmp_path, tiny_unet())

    check_learns(train, lambda unet: loss_of(unet, parts, source), before, tmp_path)


def test_a_view_of_each_picture_for_every_noise(tmp_path: Path) -> None:
    settings = replace(SETTINGS, views=2)
    assert settings.distinct == 2
    source = SameBatch(count=2)  # refuses any other count
    train_inpaint(settings, same_parts(), source, tmp_path / "run", tiny_unet())


def test_the_command_makes_a_model_that_the_catalog_and_other_programs_read(tmp_path: Path) -> None:
    folder = run_main(main, "inpaint", tmp_path)
    info = describe_folder(folder, ModelId("starter/inpaint"))
    assert (info.task, info.native_width, info.dtype) == ("inpaint", SIZE, "F16")
    assert info.title.startswith("Starter inpainting")
    shared = FrozenParts.load(tmp_path / "models" / "text", CPU)
    pipe = StableDiffusionInpaintPipeline.from_pretrained(
        folder, vae=shared.vae, text_encoder=shared.encoder, tokenizer=shared.tokenizer
    )
    # To draw, diffusers' own pipeline wants latents of four channels, which ours are not.
    assert pipe.unet.config.in_channels == 17
