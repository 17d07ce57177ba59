from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
    StableDiffusionInpaintPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.checkpoint import Task
from webui.contracts.messages import RunJob
from webui.contracts.request import GenerationRequest
from webui.engine.execute import execute
from webui.engine.first_stage import encode_pixels
from webui.engine.noise import NoisePlan, NoiseStream
from webui.engine.programs import PictureOrder
from webui.engine.programs.inpaint import beginning, held, inpaint
from webui.engine.programs.masks import blurred, filled
from webui.engine.work import DecodeLatent, EncodeImage, Pixels, Predict, Work

CPU = torch.device("cpu")
TASKS: list[Task] = ["inpaint", "text"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "image.png")


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """White in the middle, on whole latent cells."""
    values = np.zeros((32, 32), np.uint8)
    values[8:24, 10:20] = 255
    return save_grey(tmp_path / "mask.png", values)


def job(
    library: Library, task: Task, image: Path, mask: Path, name: str = "job", **f: Any
) -> RunJob:
    files = {"image": image, "mask": mask}
    return order(library.model(task).checkpoint, name, files=files, **{"mask_blur": 0, **f})


def opened(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture).copy()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_outside_the_mask_the_picture_stays_to_the_bit(
    library: Library, task: Task, image: Path, mask: Path, strength: float
) -> None:
    rig = Rig(library.model(task))
    rig.finish(job(library, task, image, mask, denoising_strength=strength))
    made, before = rig.pictures("job")[0], opened(image)
    black = opened(mask) == 0
    assert np.array_equal(made[black], before[black])
    assert not np.array_equal(made[~black], before[~black])


@pytest.mark.parametrize("task", TASKS)
def test_steps_are_counted_by_the_strength(
    library: Library, task: Task, image: Path, mask: Path
) -> None:
    rig = Rig(library.model(task))
    rig.finish(job(library, task, image, mask, steps=8, denoising_strength=0.5))
    assert [(s.step, s.steps) for s in rig.steps("job")] == [(i, 5) for i in range(1, 6)]


def test_the_model_is_shown_the_mask_and_what_is_around_it(
    library: Library, image: Path, mask: Path
) -> None:
    model = library.model("inpaint")
    rig = Rig(model)
    rig.finish(job(library, "inpaint", image, mask))
    planes = rig.works(Predict)[0].x[:, 4:]
    assert planes.shape == (2, 5, 16, 16)
    cells = torch.from_numpy(opened(mask)[::2, ::2] > 0).float()
    assert torch.equal(planes[0, 0], cells)
    pixels = torch.from_numpy(opened(image).astype(np.float32) / 127.5 - 1).permute(2, 0, 1)
    hidden = pixels * torch.from_numpy(opened(mask) == 0)
    assert torch.equal(rig.works(EncodeImage)[1].pixels[0], hidden)


@pytest.mark.parametrize("weight", [0.25, 0.75])
def test_the_mask_can_hide_less_than_everything(
    library: Library, image: Path, mask: Path, weight: float
) -> None:
    rig = Rig(library.model("inpaint"))
    rig.finish(job(library, "inpaint", image, mask, inpainting_mask_weight=weight))
    whole, shown = (work.pixels[0] for work in rig.works(EncodeImage)[:2])
    share = 1 - weight * torch.from_numpy(opened(mask) > 0).float()
    assert torch.allclose(shown, whole * share, atol=1e-6)


def test_diffusers_arrives_at_the_same_latent(library: Library, image: Path, mask: Path) -> None:
    model = library.model("inpaint")
    request = job(
        library, "inpaint", image, mask, sampler="Euler", denoising_strength=1, guidance_scale=3
    ).request
    latents: list[Tensor] = []

    def answer(work: Work) -> object:
        if isinstance(work, DecodeLatent):
            latents.append(work.latent)
        return execute([work])[0]

    files = {image_id(path): path for path in (image, mask)}
    with torch.inference_mode():
        drive(inpaint(PictureOrder(request, 0, files), model), answer)
    assert torch.allclose(latents[0], diffusers_latent(library, image, mask), atol=1e-4)


def diffusers_latent(library: Library, image: Path, mask: Path) -> Tensor:
    model = library.model("inpaint")
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        model.checkpoint.path, torch_dtype=torch.float32, safety_checker=None
    )
    config = {**pipeline.scheduler.config, "timestep_spacing": "linspace"}
    pipeline.scheduler = EulerDiscreteScheduler.from_config(config)
    pixels = torch.from_numpy(opened(image).astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    hidden = pixels * torch.from_numpy(opened(mask) == 0)
    with torch.inference_mode():
        around = encode_pixels(model.vae, hidden) * model.latent_scale
    result: Tensor = pipeline(
        "a house", pixels, Image.open(mask), around, height=32, width=32,
        num_inference_steps=4, guidance_scale=3, output_type="latent",
        latents=NoiseStream(7, (1, 4, 16, 16), CPU)(),
    ).images  # fmt: skip
    return result


def test_another_model_is_held_to_the_picture_at_every_step() -> None:
    latent, cells = torch.zeros(1, 4, 2, 2), torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    guess = drive(held(at_once(lambda x, _: x + 1), latent, cells)(latent, 3.0), no_work)
    assert torch.equal(guess, cells.expand(1, 4, 2, 2))


def test_at_full_strength_nothing_of_the_old_content_shines_through(
    library: Library, image: Path, mask: Path, tmp_path: Path
) -> None:
    changed = opened(image)
    changed[8:24, 10:20] = 255 - changed[8:24, 10:20]
    other = tmp_path / "other.png"
    Image.fromarray(changed).save(other)
    rig = Rig(library.model("inpaint"))
    for name, picture in (("a", image), ("b", other)):
        rig.finish(job(library, "inpaint", picture, mask, name, denoising_strength=1))
    assert np.array_equal(rig.pictures("a")[0], rig.pictures("b")[0])


@pytest.mark.parametrize("task", TASKS)
def test_outside_the_blurred_mask_the_picture_stays_to_the_bit(
    library: Library, task: Task, image: Path, mask: Path
) -> None:
    rig = Rig(library.model(task))
    rig.finish(job(library, task, image, mask, mask_blur=2, mask_blur_y=0))
    made, before = rig.pictures("job")[0], opened(image)
    black = blurred(opened(mask), 2, 0) == 0
    assert not black[16, 7]
    assert black[7, 16]
    assert np.array_equal(made[black], before[black])


def test_what_is_not_masked_can_be_redrawn_instead(
    library: Library, image: Path, mask: Path
) -> None:
    rig = Rig(library.model("text"))
    rig.finish(job(library, "text", image, mask, mask_mode="Inpaint not masked"))
    made, before = rig.pictures("job")[0], opened(image)
    white = opened(mask) == 255
    assert np.array_equal(made[white], before[white])
    assert not np.array_equal(made[~white], before[~white])


def content(**fields: Any) -> Tensor:
    """What drawing begins with, of a latent of ones, noise of twos and a mask over the right half."""
    request = GenerationRequest.model_validate({"prompt": "", **fields})
    cells = torch.tensor([[[[0.0, 1.0]]]])
    twos = torch.full((1, 4, 1, 2), 2.0)
    return beginning(request, torch.ones(1, 4, 1, 2), cells, lambda _=None: twos)[0, 0, 0]


@pytest.mark.parametrize(
    ("masked_content", "strength", "expected"),
    [
        ("original", 0.5, [1, 1]), ("original", 1.0, [0, 0]), ("fill", 1.0, [1, 1]),
        ("latent noise", 0.5, [1, 2]), ("latent nothing", 0.5, [1, 0]),
    ],
)  # fmt: skip
def test_drawing_begins_with_the_masked_content(
    masked_content: str, strength: float, expected: list[int]
) -> None:
    begun = content(masked_content=masked_content, denoising_strength=strength)
    assert begun.tolist() == expected


def test_latent_noise_is_the_seeds_own(library: Library, image: Path, mask: Path) -> None:
    rig = Rig(library.model("text"))
    for kind in ("latent noise", "latent nothing"):
        rig.finish(job(library, "text", image, mask, kind, masked_content=kind, steps=1))
    with_noise, without = (work.x[0] for work in rig.works(Predict))
    cells = torch.from_numpy(opened(mask)[::2, ::2] > 0)
    noise = NoiseStream(NoisePlan(7), (1, 4, 16, 16), CPU)()[0]
    added = with_noise - without
    assert torch.all(added[:, ~cells] == 0)
    scale = (added[:, cells] / noise[:, cells]).median()
    assert scale > 0
    assert torch.allclose(added[:, cells], noise[:, cells] * scale, atol=1e-4)


def test_fill_shows_the_model_the_colours_around_the_mask(
    library: Library, image: Path, mask: Path
) -> None:
    rig = Rig(library.model("text"))
    rig.finish(job(library, "text", image, mask, masked_content="fill"))
    with Image.open(image) as before:
        expected = np.asarray(filled(before.convert("RGB"), opened(mask)))
    shown = rig.works(EncodeImage)[0].pixels[0].permute(1, 2, 0) * 127.5 + 127.5
    assert np.array_equal(shown.round().numpy(), expected)


def test_only_masked_draws_the_part_at_full_size_and_keeps_the_pictures(
    library: Library, tmp_path: Path
) -> None:
    image = save_picture(tmp_path / "wide.png", 101, 63)
    values = np.zeros((63, 101), np.uint8)
    values[20:30, 40:50] = 255
    mask = save_grey(tmp_path / "wide mask.png", values)
    rig = Rig(library.model("text"))
    wanted: dict[str, Any] = {
        "inpaint_area": "Only masked",
        "masked_padding": 4,
        "width": 64,
        "height": 64,
    }
    rig.finish(job(library, "text", image, mask, **wanted))
    made, before = rig.pictures("job")[0], opened(image)
    assert rig.works(EncodeImage)[0].pixels.shape == (1, 3, 64, 64)
    assert made.shape == (63, 101, 3)
    assert np.array_equal(made[values == 0], before[values == 0])
    assert not np.array_equal(made[values > 0], before[values > 0])


def test_image_and_mask_of_other_sizes_are_fitted(library: Library, tmp_path: Path) -> None:
    image = save_picture(tmp_path / "wide.png", 90, 50)
    values = np.zeros((50, 90), np.uint8)
    values[:, :45] = 255
    mask = save_grey(tmp_path / "wide mask.png", values)
    rig = Rig(library.model("inpaint"))
    rig.finish(job(library, "inpaint", image, mask, width=72, height=64))
    assert rig.pictures("job")[0].shape == (64, 72, 3)


@pytest.mark.parametrize("missing", ["image", "mask"])
def test_a_missing_picture_is_named(
    library: Library, image: Path, mask: Path, missing: str
) -> None:
    wanted = job(library, "inpaint", image, mask)
    gone = getattr(wanted.request, missing)
    del wanted.images[gone]
    rig = Rig(library.model("inpaint"))
    rig.finish(wanted)
    assert f"no file for the {missing}" in rig.error("job")


def test_a_model_for_inpainting_wants_a_mask(library: Library, image: Path) -> None:
    rig = Rig(library.model("inpaint"))
    rig.finish(order(library.model("inpaint").checkpoint, files={"image": image}))
    assert "needs an image and a mask" in rig.error("job")
