from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion_superresolution import (
    LDMSuperResolutionPipeline,
)
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from PIL import Image
from torch import Tensor

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny_upscaler
from webui.contracts.checkpoint import CheckpointInfo
from webui.engine import tiles
from webui.engine.execute import execute
from webui.engine.families.registry import load_model
from webui.engine.noise import NoiseStream
from webui.engine.programs.tiled import guided_in_tiles
from webui.engine.work import DecodeLatent, Predict

CPU = torch.device("cpu")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "small.png", 12, 8)


def test_the_picture_is_four_times_as_large(library: Library, image: Path) -> None:
    rig = Rig(library.model("upscale"))
    rig.finish(order(library.model("upscale").checkpoint, files={"image": image}))
    assert rig.pictures("job")[0].shape == (32, 48, 3)
    assert [(s.step, s.steps) for s in rig.steps("job")] == [(i, 4) for i in range(1, 5)]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"pag_scale": 3.0}, "perturbed-attention guidance"),
        ({"sag_scale": 0.5, "tiling": True}, "self-attention guidance and tiling"),
        ({"freeu_b1": 1.3}, "FreeU"),
        ({}, None),
    ],
)
def test_what_steers_nothing_without_words_is_said(
    library: Library, image: Path, fields: dict[str, Any], names: str | None
) -> None:
    rig = Rig(library.model("upscale"))
    checkpoint = library.model("upscale").checkpoint
    rig.finish(order(checkpoint, files={"image": image}, prompt="", **fields))
    assert rig.ends() == {"job": "done"}
    said = " ".join(note.text for note in rig.notes())
    assert (f"is drawn as it is: {names} had no effect" in said) if names else not said


def test_sides_that_the_network_cannot_halve_are_cropped_after_it(
    library: Library, tmp_path: Path
) -> None:
    image = save_picture(tmp_path / "odd.png", 13, 9)
    rig = Rig(library.model("upscale"))
    rig.finish(order(library.model("upscale").checkpoint, files={"image": image}))
    assert rig.pictures("job")[0].shape == (36, 52, 3)


def test_a_size_that_is_asked_for_fits_the_picture_first(library: Library, image: Path) -> None:
    rig = Rig(library.model("upscale"))
    checkpoint = library.model("upscale").checkpoint
    rig.finish(order(checkpoint, files={"image": image}, width=64, height=64))
    assert rig.pictures("job")[0].shape == (64, 64, 3)


def test_a_size_that_is_only_rounded_leaves_the_picture_as_it_is(
    library: Library, tmp_path: Path
) -> None:
    model, image = library.model("upscale"), save_picture(tmp_path / "odd.png", 17, 19)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}, width=64, height=72))
    assert rig.pictures("job")[0].shape == (72, 64, 3)
    pixels = np.asarray(Image.open(image), np.float32) / 127.5 - 1
    low = rig.works(Predict)[0].x[0, 3:, :19, :17]
    assert torch.equal(low, torch.from_numpy(pixels).permute(2, 0, 1))


def test_the_small_picture_stands_beside_the_latent_and_the_label_says_its_noise(
    library: Library, image: Path
) -> None:
    model = library.model("upscale")
    seen = {}
    for level in (0.0, 0.25):
        rig = Rig(model)
        rig.finish(order(model.checkpoint, files={"image": image}, noise_augmentation=level))
        seen[level] = rig.works(Predict)[0]
    pixels = np.asarray(Image.open(image), np.float32) / 127.5 - 1
    low = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    clean, noised = seen[0.0], seen[0.25]
    assert (clean.label, noised.label) == (0.0, 250.0)
    assert torch.equal(clean.x[:, 3:], low)
    assert float((noised.x[:, 3:] - low).std()) == pytest.approx(0.25, rel=0.15)
    assert torch.equal(clean.x[:, :3], noised.x[:, :3])


def test_the_label_changes_the_prediction(library: Library) -> None:
    model, x = library.model("upscale"), torch.zeros(1, 6, 8, 8)
    clean, noisy = execute([Predict(model, x, 500.0, None, label) for label in (0.0, 250.0)])
    assert isinstance(clean, torch.Tensor)
    assert isinstance(noisy, torch.Tensor)
    assert not torch.allclose(clean, noisy, atol=1e-4)


def test_a_network_without_a_label_refuses_noise_augmentation(tmp_path: Path, image: Path) -> None:
    model = load_model(write_tiny_upscaler(tmp_path / "plain", labelled=False), CPU)
    rig = Rig(model)
    files = {"image": image}
    rig.finish(
        order(model.checkpoint, "clean", files=files),
        order(model.checkpoint, "noisy", files=files, noise_augmentation=0.1),
    )
    assert rig.ends() == {"clean": "done", "noisy": "failed"}
    assert "noise_augmentation is 0.1, expected 0" in rig.error("noisy")


def test_diffusers_arrives_at_the_same_latent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = save_picture(tmp_path / "small.png", 32, 32)
    folder = tmp_path / "plain"
    model = load_model(write_unscaled(folder), CPU)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}, sampler="DDIM"))
    vqvae = VQModel.from_pretrained(folder / "vqvae")
    theirs: list[Tensor] = []
    # The latent rather than the picture: a place between two codes may fall to either.
    vqvae.quantize.register_forward_pre_hook(lambda _, inputs: theirs.append(inputs[0]))
    pipeline = LDMSuperResolutionPipeline(
        vqvae,
        UNet2DModel.from_pretrained(folder / "unet"),
        # Not Euler: this pipeline would then scale the small picture along with the latent.
        DDIMScheduler.from_pretrained(folder / "scheduler", clip_sample=False, steps_offset=1),
    )
    sigma = model.levels.sigma(751)
    monkeypatch.setattr(
        "diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion_superresolution.randn_tensor",
        lambda shape, **_: NoiseStream(7, shape, CPU)() * (sigma / math.hypot(sigma, 1)),
    )
    with Image.open(image) as small:
        pipeline(small, num_inference_steps=4)
    assert torch.allclose(rig.works(DecodeLatent)[0].latent, theirs[0], atol=1e-3)


def write_unscaled(folder: Path) -> CheckpointInfo:
    """Diffusers' pipeline does not scale."""
    checkpoint = write_tiny_upscaler(folder, labelled=False)
    config = folder / "vqvae" / "config.json"
    config.write_text(config.read_text().replace('"scaling_factor": 1.3', '"scaling_factor": 1.0'))
    return checkpoint


def test_a_large_picture_goes_tile_by_tile(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles.cover, "__defaults__", (16, 4))
    monkeypatch.setattr(guided_in_tiles, "__defaults__", (tiles.Tiles(16, 4),))
    model = library.model("upscale")
    image = save_picture(tmp_path / "large.png", 40, 16)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}, steps=2))
    assert rig.pictures("job")[0].shape == (64, 160, 3)
    shapes = {work.x.shape for work in rig.works(Predict)}
    assert shapes == {(1, 6, 16, 16)}
    assert len(rig.works(Predict)) == 2 * 3
    assert [(w.width, w.height) for w in rig.works(DecodeLatent)] == [(64, 64)] * 3
    assert [s.step for s in rig.steps("job")] == [1, 2]


@pytest.mark.parametrize(
    "asked", [{"pag_scale": 2.0}, {"sag_scale": 1.0}, {"freeu_b1": 1.2}, {"tiling": True}], ids=str
)
def test_what_a_network_without_words_has_no_place_for_changes_nothing(
    library: Library, image: Path, asked: dict[str, Any]
) -> None:
    rig = Rig(library.model("upscale"))
    checkpoint, files = library.model("upscale").checkpoint, {"image": image}
    rig.finish(order(checkpoint, "plain", files=files), order(checkpoint, files=files, **asked))
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    assert np.array_equal(rig.pictures("plain")[0], rig.pictures("job")[0])


def test_without_an_image_it_says_what_is_missing(library: Library) -> None:
    rig = Rig(library.model("upscale"))
    rig.finish(order(library.model("upscale").checkpoint))
    assert "has no image, which this model needs" in rig.error("job")


def test_a_prompt_is_noted_as_unread(library: Library, image: Path) -> None:
    rig = Rig(library.model("upscale"))
    rig.finish(order(library.model("upscale").checkpoint, files={"image": image}))
    assert [n.text for n in rig.notes()] == ["The model reads no text."]


def test_the_picture_has_the_small_ones_broad_colours(library: Library, tmp_path: Path) -> None:
    model, image = library.model("upscale"), tmp_path / "green.png"
    Image.new("RGB", (16, 16), (60, 160, 90)).save(image)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}))
    (picture,) = rig.pictures("job")
    assert np.abs(picture.mean((0, 1)) - (60, 160, 90)).max() < 3
    (work,) = rig.works(DecodeLatent)
    (drawn,) = execute([work])
    assert isinstance(drawn, np.ndarray)
    assert np.abs(drawn.mean((0, 1)) - (60, 160, 90)).max() > 10  # an untrained model's own


def test_the_more_noise_a_small_picture_has_the_less_of_its_pixels_comes_back(
    library: Library, tmp_path: Path
) -> None:
    model, image = library.model("upscale"), tmp_path / "noise.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(90, 170, (16, 16, 3)).astype(np.uint8)).save(image)
    apart = []
    for level in (0.0, 1.0):
        rig = Rig(model)
        rig.finish(order(model.checkpoint, files={"image": image}, noise_augmentation=level))
        (picture,), (work,) = rig.pictures("job"), rig.works(DecodeLatent)
        (drawn,) = execute([work])
        assert isinstance(drawn, np.ndarray)
        change = picture.astype(float) - drawn
        apart.append((change - change.mean((0, 1))).std())
    assert apart[1] < 0.7 * apart[0]
