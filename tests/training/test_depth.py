"""Pictures that keep the space of a depth map."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionDepth2ImgPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor

from tests.training.kinds import (
    SameBatch,
    check_learns,
    fixed_loss,
    run_main,
    same_parts,
    tiny_unet,
)
from tests.training.parts import CPU, SIZE, TINY_LOOP, TINY_UNET
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder
from webui.training.command import TrainingRefused
from webui.training.depth import DepthSettings, main, plane_of, train_depth
from webui.training.examples import Examples
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts, widen_input

SETTINGS = DepthSettings(unet=TINY_UNET, loop=TINY_LOOP)


def test_near_is_one_and_far_is_minus_one_on_the_latent_grid() -> None:
    depths = np.zeros((1, 8, 8), np.uint8)
    depths[:, 6:] = 200
    examples = Examples(np.zeros((1, SIZE, SIZE, 3), np.uint8), ("",), depths=depths)
    plane = plane_of(examples, torch.zeros(1, 8, 4, 4))
    assert plane.shape == (1, 1, 4, 4)
    assert plane[0, 0, :, 0].tolist() == [-1, -1, -1, 1]


def test_pictures_without_depths_are_refused() -> None:
    examples = Examples(np.zeros((1, SIZE, SIZE, 3), np.uint8), ("",))
    with pytest.raises(TrainingRefused, match="no depth maps"):
        plane_of(examples, torch.zeros(1, 8, 4, 4))


def loss_of(unet: torch.nn.Module, parts: FrozenParts, source: SameBatch) -> float:
    x0 = parts.encode(source.examples.pictures)
    plane, tokens = plane_of(source.examples, x0), parts.tokens(list(source.examples.captions))

    def predict(x: Tensor, t: Tensor) -> Tensor:
        velocity: Tensor = unet(torch.cat([x, plane], 1), t, tokens).sample
        return velocity

    return fixed_loss(predict, x0)


def test_it_learns_and_goes_on(tmp_path: Path) -> None:
    parts, source = same_parts(), SameBatch()
    before = loss_of(widen_input(tiny_unet(), 1), parts, source)

    def train(loop: LoopSettings) -> UNet2DConditionModel:
        settings = DepthSettings(unet=TINY_UNET, loop=loop)
        return train_depth(settings, parts, source, tmp_path, tiny_unet())

    check_learns(train, lambda unet: loss_of(unet, parts, source), before, tmp_path)


def test_on_a_processor_it_begins_with_the_semantic_model_and_wants_it(tmp_path: Path) -> None:
    (tmp_path / "models" / "semantic").mkdir(parents=True)
    with pytest.raises(TrainingRefused, match="train semantic"):
        run_main(main, "depth", tmp_path)


def test_the_command_makes_a_model_that_the_catalog_and_other_programs_read(tmp_path: Path) -> None:
    folder = run_main(main, "depth", tmp_path)
    assert "began with the denoiser of the semantic model" in (folder / "README.md").read_text()
    info = describe_folder(folder, ModelId("starter/depth"))
    assert (info.task, info.native_width) == ("depth", SIZE)
    shared = FrozenParts.load(tmp_path / "models" / "text", CPU)
    pipe = StableDiffusionDepth2ImgPipeline.from_pretrained(
        folder, vae=shared.vae, text_encoder=shared.encoder, tokenizer=shared.tokenizer,
        depth_estimator=None, feature_extractor=None,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    made = pipe(
        "a red house", image=Image.new("RGB", (SIZE, SIZE)), depth_map=torch.rand(1, SIZE, SIZE),
        num_inference_steps=2, strength=1.0, output_type="np",
    ).images  # fmt: skip
    assert made.shape == (1, SIZE, SIZE, 3)
