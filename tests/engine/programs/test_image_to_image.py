from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import steps_of
from webui.engine.first_stage import decode_latents, encode_pixels
from webui.engine.model import LoadedModel
from webui.engine.pixels import to_pixels, to_tensor
from webui.engine.work import DecodeLatent, EncodeImage, Predict


@pytest.fixture
def image(tmp_path: Path) -> Path:
    rows = np.linspace(0, 255, 32, dtype=np.uint8)
    values = np.stack(np.broadcast_arrays(rows[:, None], rows[None], rows[::-1, None]), axis=-1)
    Image.fromarray(np.ascontiguousarray(values)).save(tmp_path / "start.png")
    return tmp_path / "start.png"


def request(**fields: float) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "", "image": "0" * 64, **fields})


def test_strength_0_encodes_and_decodes_the_image_without_a_step(
    model: LoadedModel, image: Path
) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}, denoising_strength=0))
    assert {type(w) for batch in rig.batches for w in batch} == {EncodeImage, DecodeLatent}
    assert rig.steps("job") == []
    with Image.open(image) as start, torch.inference_mode():
        pixels = to_tensor(start.convert("RGB"), model.checkpoint.latent_factor)
        expected = to_pixels(decode_latents(model.vae, encode_pixels(model.vae, pixels))[0], 32, 32)
    assert abs(rig.pictures("job")[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("strength", "steps", "expected"),
    [(0.0, 20, 0), (0.01, 20, 1), (0.5, 20, 11), (0.75, 20, 16), (1.0, 20, 20), (1.0, 1, 1)],
)
def test_the_strength_is_the_share_of_steps(strength: float, steps: int, expected: int) -> None:
    wanted = request(denoising_strength=strength, steps=steps)
    assert steps_of(wanted, FAKE_CHECKPOINT) == expected


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_as_many_steps_are_run_and_reported(
    model: LoadedModel, image: Path, strength: float
) -> None:
    rig = Rig(model)
    job = order(model.checkpoint, files={"image": image}, denoising_strength=strength, steps=9)
    rig.finish(job)
    steps = steps_of(job.request, model.checkpoint)
    assert [(s.step, s.steps) for s in rig.steps("job")] == [
        (i, steps) for i in range(1, steps + 1)
    ]


def test_less_strength_stays_nearer_to_the_image(model: LoadedModel, image: Path) -> None:
    rig = Rig(model)
    rig.finish(
        *(
            order(model.checkpoint, f"{s}", files={"image": image}, denoising_strength=s, steps=10)
            for s in (0.0, 0.1, 1.0)
        )
    )
    kept, little, much = (rig.pictures(job)[0].astype(int) for job in ("0.0", "0.1", "1.0"))
    assert 0 < abs(little - kept).mean() < abs(much - kept).mean()


def test_a_picture_has_the_size_that_was_asked_for(model: LoadedModel, image: Path) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, files={"image": image}, width=72, height=64))
    assert rig.pictures("job")[0].shape == (64, 72, 3)


def test_it_repeats_itself_to_the_bit(model: LoadedModel, image: Path) -> None:
    rig = Rig(model)
    for job in ("a", "b"):
        rig.finish(order(model.checkpoint, job, files={"image": image}, sampler="Euler a"))
    assert np.array_equal(rig.pictures("a")[0], rig.pictures("b")[0])


def test_a_transparent_image_stands_before_the_background(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(path)
    rig = Rig(library.model("text"))
    rig.finish(order(library.model("text").checkpoint, files={"image": path}, background="#ff0000"))
    shown = rig.works(EncodeImage)[0].pixels
    assert shown[0, :, 5, 5].tolist() == [1, -1, -1]


def test_a_small_image_is_enlarged_as_a_latent(library: Library, tmp_path: Path) -> None:
    path = save_picture(tmp_path / "small.png", 16, 16)
    rig = Rig(library.model("text"))
    mode: dict[str, Any] = {
        "resize_mode": "Just resize (latent upscale)",
        "width": 64,
        "height": 64,
    }
    rig.finish(order(library.model("text").checkpoint, files={"image": path}, **mode))
    assert rig.works(EncodeImage)[0].pixels.shape == (1, 3, 16, 16)
    assert rig.works(Predict)[0].x.shape[-2:] == (32, 32)
    assert rig.pictures("job")[0].shape == (64, 64, 3)


def test_the_multiplier_scales_the_first_noise(library: Library, image: Path) -> None:
    rig = Rig(library.model("text"))
    for name, strength in (("a", 1.0), ("b", 0.5), ("none", 0.0)):
        checkpoint = library.model("text").checkpoint
        rig.finish(order(checkpoint, name, files={"image": image}, noise_multiplier=strength))
    firsts = [work.x[:1] for work in rig.works(Predict)[::4]][:3]
    assert torch.allclose(firsts[1] - firsts[2], (firsts[0] - firsts[2]) * 0.5, atol=1e-5)


def test_a_result_can_take_over_the_images_colours(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    Image.new("RGB", (32, 32), (180, 120, 90)).save(path)
    rig = Rig(library.model("text"))
    wanted = order(library.model("text").checkpoint, files={"image": path}, colour_correction=True)
    rig.finish(wanted)
    made = rig.pictures("job")[0].astype(int)
    assert (made[..., 0] >= made[..., 2] - 1).mean() > 0.9


def test_a_round_of_a_loopback_is_what_its_settings_draw_from_the_round_before(
    model: LoadedModel, image: Path, tmp_path: Path
) -> None:
    rig = Rig(model)
    common: dict[str, Any] = {"width": 64, "height": 64, "steps": 6}
    loops: dict[str, Any] = {"loops": 3, "denoising_strength": 0.8, "final_strength": 0.2}
    rig.finish(order(model.checkpoint, "all", files={"image": image}, seed=7, **loops, **common))
    for number, strength in enumerate([0.8, 0.5, 0.2]):
        job = f"round {number}"
        rig.finish(
            order(
                model.checkpoint, job, files={"image": image}, seed=7 + number,
                denoising_strength=strength, **common,
            )
        )  # fmt: skip
        image = tmp_path / f"{number}.png"
        Image.fromarray(rig.pictures(job)[0]).save(image)
    assert (rig.pictures("all")[0] == rig.pictures("round 2")[0]).all()
    assert (rig.pictures("round 0")[0] != rig.pictures("round 2")[0]).any()
    total = 5 + 4 + 2  # a strength's share of six steps, the step in which it begins taken whole
    told = [(step.step, step.steps) for step in rig.steps("all")]
    assert told == [(done, total) for done in range(1, total + 1)]
