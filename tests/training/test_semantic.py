"""Pictures from class maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
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
from tests.training.parts import CPU, SIZE, TINY_LOOP, TINY_UNET
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder
from webui.training.command import TrainingRefused
from webui.training.examples import Examples
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts, UNetSettings, widen_input
from webui.training.semantic import RECIPES, SemanticSettings, main, planes_of, train_semantic
from webui.training.world import CLASSES

SETTINGS = SemanticSettings(unet=TINY_UNET, loop=TINY_LOOP)


def test_planes_are_those_that_the_engine_gives_a_class_map(tmp_path: Path) -> None:
    examples = tiny_pool().take(np.array([3, 5]), np.random.default_rng(0))
    assert examples.class_maps is not None
    planes = planes_of(examples, CPU)
    assert planes.shape == (2, 64, 4, 4)
    assert torch.allclose(planes.sum(1), torch.full((2, 4, 4), 4.0))
    upper_left = planes[:, 4 * int(examples.class_maps[0, 0, 0]), 0, 0]
    share = (examples.class_maps[0, :4, :4] == examples.class_maps[0, 0, 0]).mean()
    assert upper_left[0].item() == pytest.approx(share)


def test_pictures_without_class_maps_are_refused() -> None:
    with pytest.raises(TrainingRefused, match="no class maps"):
        planes_of(Examples(np.zeros((1, SIZE, SIZE, 3), np.uint8), ("",)), CPU)


def loss_of(unet: torch.nn.Module, parts: FrozenParts, source: SameBatch) -> float:
    planes, tokens = planes_of(source.examples, CPU), parts.tokens([""] * 4)

    def predict(x: Tensor, t: Tensor) -> Tensor:
        velocity: Tensor = unet(torch.cat([x, planes], 1), t, tokens).sample
        return velocity

    return fixed_loss(predict, parts.encode(source.examples.pictures))


def test_it_learns_without_captions_too_and_goes_on(tmp_path: Path) -> None:
    parts, source = same_parts(), SameBatch()
    before = loss_of(widen_input(tiny_unet(), 64), parts, source)

    def train(loop: LoopSettings) -> UNet2DConditionModel:
        settings = SemanticSettings(unet=TINY_UNET, loop=loop)
        return train_semantic(settings, parts, source, tmp_path, tiny_unet())

    check_learns(train, lambda unet: loss_of(unet, parts, source), before, tmp_path)


def test_a_size_of_its_own_is_made_anew_and_none_starts_from_the_text_model(tmp_path: Path) -> None:
    parts, source = same_parts(), SameBatch()
    spent = replace(TINY_LOOP, budget_seconds=1e-6)
    own = SemanticSettings(unet=UNetSettings((32, 32), (False, True), heads=2), loop=spent)
    made = train_semantic(own, parts, source, tmp_path / "a", tiny_unet())
    assert tuple(made.config.block_out_channels) == (32, 32)
    assert (made.config.in_channels, made.config.out_channels) == (72, 8)
    text = tiny_unet()
    weights = text.mid_block.resnets[0].conv1.weight.clone()
    tuned = train_semantic(SemanticSettings(loop=spent), parts, source, tmp_path / "b", text)
    assert torch.equal(tuned.mid_block.resnets[0].conv1.weight, weights)


def test_the_command_makes_a_model_that_the_catalog_and_other_programs_read(tmp_path: Path) -> None:
    folder = run_main(main, "semantic", tmp_path)
    info = describe_folder(folder, ModelId("starter/semantic"))
    assert (info.task, info.native_width) == ("semantic", SIZE)
    assert info.classes == tuple(entry.name for entry in CLASSES)
    shared = FrozenParts.load(tmp_path / "models" / "text", CPU)
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, vae=shared.vae, text_encoder=shared.encoder, tokenizer=shared.tokenizer
    )
    unet = RECIPES["cpu"].unet
    assert unet is not None
    assert tuple(pipe.unet.config.block_out_channels) == unet.channels
