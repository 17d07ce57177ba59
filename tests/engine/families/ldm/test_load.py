"""Each kind of released model: written small, identified, loaded, and a picture drawn by our programs.

The picture's latent is compared with one that the original networks arrive at, walked by the plain
equations of DDIM (Song et al. 2021) at the same noise levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from tests.engine.drive import drive
from tests.engine.families.ldm.tiny import KINDS, PIECES, WIDTH, Original, write
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.conditions import LayoutBox
from webui.contracts.errors import BadRequest, BrokenModel
from webui.contracts.ids import AdapterId, ImageId
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.embedding import LoadedEmbedding
from webui.engine.execute import execute
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.programs import PictureOrder, program_for
from webui.engine.sampling_plan import Walk
from webui.engine.work import DecodeLatent, Pixels, Work

CPU = torch.device("cpu")
SIZE, CELLS, STEPS = 64, 16, 3
LAKE = PIECES.index("lake")


@cache
def original_of(name: str) -> Original:
    return Original(name)


@pytest.fixture(scope="module")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedModel]:
    folder = tmp_path_factory.mktemp("zoo")

    @cache
    def model(name: str) -> LoadedModel:
        return load_model(write(original_of(name), folder / name), CPU)

    return model


def request(**fields: object) -> GenerationRequest:
    usual = {"prompt": "", "seed": 7, "steps": STEPS, "sampler": "DDIM", "guidance_scale": 1.0}
    sizes = {"width": SIZE, "height": SIZE}
    return GenerationRequest.model_validate({**usual, **sizes, **fields})


def drawn(wanted: PictureOrder, model: LoadedModel) -> tuple[Tensor, Pixels]:
    """The latent that our program decodes at the end, and its picture."""
    latents = []

    def answer(work: Work) -> object:
        if isinstance(work, DecodeLatent):
            latents.append(work.latent)
        (result,) = execute([work])
        if isinstance(result, Exception):
            raise result
        return result

    program = program_for(wanted.request, model.checkpoint)(wanted, model)
    picture = drive(program, answer)
    return latents[-1], picture


@torch.no_grad()
def walked(
    wanted: PictureOrder,
    model: LoadedModel,
    tokens: Tensor | None = None,
    beside: Tensor | None = None,
    clean: Tensor | None = None,
) -> Tensor:
    """The latent that the original networks and DDIM's equations arrive at from the same noise.

    `tokens` (R, T, D): what is followed, then what it is guided away from.
    """
    original = original_of(model.checkpoint.id.removeprefix("tiny/"))
    scale = wanted.request.guidance_scale
    times = [
        model.levels.timestep(sigma) for sigma in Walk.of(wanted.request, model.levels).sigmas[:-1]
    ]
    alphas = [float(original.alphas()[round(t)]) for t in times]
    assert all(abs(t - round(t)) < 1e-4 for t in times)
    noise = wanted.noise(model, (1, model.checkpoint.latent_channels, CELLS, CELLS))()
    x = noise * math.sqrt(1 - alphas[0])
    if clean is not None:
        x = x + math.sqrt(alphas[0]) * clean
    for t, now, following in zip(times, alphas, [*alphas[1:], 1.0], strict=True):
        rows = [None] if tokens is None else [row[None] for row in tokens]
        guesses = [original.noise(x, float(round(t)), row, beside) for row in rows]
        eps = guesses[0] if len(guesses) == 1 else guesses[1] + scale * (guesses[0] - guesses[1])
        guess = (x - math.sqrt(1 - now) * eps) / math.sqrt(now)
        x = math.sqrt(following) * guess + math.sqrt(1 - following) * eps
    return x


def assert_same(mine: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


def text_tokens(original: Original, *texts: list[int]) -> Tensor:
    rows = [[2, *ids, 3] + [0] * (75 - len(ids)) for ids in texts]
    assert original.condition is not None
    encoded: Tensor = original.condition["transformer"](torch.tensor(rows))  # type: ignore[index]
    return encoded


def test_text_draws_what_the_original_draws(model_of: Callable[[str], LoadedModel]) -> None:
    model = model_of("text")
    wanted = PictureOrder(request(prompt="The red Houses, lake", guidance_scale=5.0), 0)
    mine, picture = drawn(wanted, model)
    with torch.no_grad():
        tokens = text_tokens(original_of("text"), [11, 6, 7, 9, 4, 8], [])
        expected = walked(wanted, model, tokens)
        pixels = original_of("text").decode(expected)
    assert_same(mine, expected)
    levels = (pixels[0].permute(1, 2, 0) * 127.5 + 127.5).clamp(0, 255).numpy()
    assert np.abs(picture - levels).max() <= 1.0


@pytest.mark.parametrize("label", ["golden retriever", "207"])
def test_a_class_is_drawn_against_the_null_class(
    model_of: Callable[[str], LoadedModel], label: str
) -> None:
    model = model_of("class")
    wanted = PictureOrder(request(class_label=label, guidance_scale=3.0), 0)
    table = original_of("class").weights["cond_stage_model.embedding.weight"]
    assert_same(drawn(wanted, model)[0], walked(wanted, model, table[[207, 1000], None]))


def test_an_unconditional_model_draws_by_its_measured_scale(
    model_of: Callable[[str], LoadedModel],
) -> None:
    model = model_of("unconditional")
    assert model.latent_scale == pytest.approx(0.7)
    wanted = PictureOrder(request(guidance_scale=4.0), 0)  # there is nothing to guide away from
    assert_same(drawn(wanted, model)[0], walked(wanted, model))


@pytest.mark.parametrize("asked", [{"pag_scale": 2.0}, {"sag_scale": 0.5}, {"freeu_b1": 1.3}])
def test_what_an_unconditional_models_network_has_no_parts_for_is_refused(
    model_of: Callable[[str], LoadedModel], asked: dict[str, float]
) -> None:
    with pytest.raises(BadRequest, match=r"network has no (self-attention|skip connections)"):
        drawn(PictureOrder(request(**asked), 0), model_of("unconditional"))


def test_a_map_of_classes_is_mixed_as_the_original_does(
    model_of: Callable[[str], LoadedModel], tmp_path: Path
) -> None:
    model = model_of("semantic")
    ids = np.random.default_rng(3).integers(0, 182, (SIZE, SIZE), np.uint8)
    Image.fromarray(ids).save(tmp_path / "map.png")
    image = ImageId("a" * 64)
    wanted = PictureOrder(request(class_map=image), 0, {image: tmp_path / "map.png"})
    shares = functional.one_hot(torch.from_numpy(ids).long(), 182).permute(2, 0, 1)[None].float()
    for _ in range(2):
        shares = functional.interpolate(shares, scale_factor=0.5, mode="bilinear")
    mapper = original_of("semantic").weights["cond_stage_model.channel_mapper.weight"]
    beside = functional.conv2d(shares, mapper)
    assert_same(drawn(wanted, model)[0], walked(wanted, model, beside=beside))


def test_boxes_become_the_tokens_of_the_original(model_of: Callable[[str], LoadedModel]) -> None:
    model = model_of("layout")
    box = LayoutBox(label="dog", left=0.25, top=0.5, right=1.0, bottom=0.75)
    wanted = PictureOrder(request(boxes=[box], guidance_scale=2.0), 0)
    dog = model.checkpoint.classes.index("dog")
    given = [dog, 90 * 44 + 22, 90 * 67 + 89]
    rows = [[*given, *[8191] * 87, 0, 8099], [*[8191] * 90, 0, 8099]]
    condition = original_of("layout").condition
    assert condition is not None
    with torch.no_grad():
        tokens = condition["transformer"](torch.tensor(rows))  # type: ignore[index]
    assert_same(drawn(wanted, model)[0], walked(wanted, model, tokens))


def test_a_small_picture_is_enlarged(
    model_of: Callable[[str], LoadedModel], tmp_path: Path
) -> None:
    model = model_of("upscale")
    small = np.random.default_rng(3).integers(0, 256, (CELLS, CELLS, 3), np.uint8)
    Image.fromarray(small).save(tmp_path / "small.png")
    image = ImageId("a" * 64)
    wanted = PictureOrder(request(image=image), 0, {image: tmp_path / "small.png"})
    low = torch.from_numpy(small).permute(2, 0, 1)[None] / 127.5 - 1
    assert_same(drawn(wanted, model)[0], walked(wanted, model, beside=low))


def test_a_hole_is_mended_and_the_rest_stays(
    model_of: Callable[[str], LoadedModel], tmp_path: Path
) -> None:
    model = model_of("inpaint")
    values = np.random.default_rng(3).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[16:40, 8:48] = 255
    Image.fromarray(values).save(tmp_path / "image.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    ids = {name: ImageId(letter * 64) for name, letter in (("image", "a"), ("mask", "b"))}
    files = {ids[name]: tmp_path / f"{name}.png" for name in ids}
    wanted = PictureOrder(request(**ids, denoising_strength=1.0, mask_blur=0), 0, files)
    hole = torch.from_numpy(mask).float()[None, None] / 255
    pixels = torch.from_numpy(values).permute(2, 0, 1)[None] / 255
    around = original_of("inpaint").encode((1 - hole) * pixels * 2 - 1)
    cells = functional.interpolate(hole * 2 - 1, (CELLS, CELLS))
    mine, picture = drawn(wanted, model)
    with torch.no_grad():
        expected = walked(wanted, model, beside=torch.cat((around, cells), 1))
    assert_same(mine, expected)
    assert np.array_equal(picture[mask == 0], values[mask == 0])
    assert not np.array_equal(picture[mask > 0], values[mask > 0])


def test_vectors_of_like_pictures_are_attended_to(model_of: Callable[[str], LoadedModel]) -> None:
    model = model_of("retrieval")
    vectors = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(5))
    name = AdapterId("embeddings/reefs")
    info = AdapterInfo(name, "embedding", "Reefs", "", vectors.nbytes)
    wanted = PictureOrder(
        request(prompt="reefs", guidance_scale=5.0), 0,
        adapters={name: LoadedEmbedding(info, vectors, vectors.nbytes)}, embeddings=(name,),
    )  # fmt: skip
    unit = functional.normalize(vectors, dim=1)
    tokens = torch.stack((unit, torch.zeros_like(unit)))
    assert_same(drawn(wanted, model)[0], walked(wanted, model, tokens))


def test_a_retrieval_model_says_that_it_wants_vectors(
    model_of: Callable[[str], LoadedModel],
) -> None:
    with pytest.raises(BadRequest, match="embeddings of 24 numbers, and the prompt names none"):
        drawn(PictureOrder(request(prompt="reefs"), 0), model_of("retrieval"))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "retrieval"])
def test_every_kind_is_drawn_by_the_engine(
    model_of: Callable[[str], LoadedModel], tmp_path: Path, name: str
) -> None:
    model = model_of(name)
    assert (model.checkpoint.family, model.checkpoint.task) == ("ldm", name)
    fields, files = needs(name, tmp_path)
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint,
            files=files,
            prompt="",
            sampler="DDIM",
            width=SIZE,
            height=SIZE,
            **fields,
        )
    )
    assert rig.ends() == {"job": "done"}, rig.error("job")
    (picture,) = rig.pictures("job")
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.std() > 5


def needs(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """What a request for a model of the kind must have."""
    values = np.random.default_rng(3).integers(0, 182, (SIZE, SIZE), np.uint8)
    grey, small = folder / "map.png", folder / "small.png"
    Image.fromarray(values).save(grey)
    Image.fromarray(values[:CELLS, :CELLS]).convert("RGB").save(small)
    if name == "class":
        return {"class_label": "tench"}, {}
    if name == "semantic":
        return {}, {"class_map": grey}
    if name == "upscale":
        return {}, {"image": small}
    if name == "inpaint":
        return {}, {"image": grey, "mask": grey}
    return {}, {}


def test_a_pickled_file_is_the_same_model(
    model_of: Callable[[str], LoadedModel], tmp_path: Path
) -> None:
    info = write(original_of("class"), tmp_path / "class", ".ckpt")
    assert info.format == "pickle"
    model, same = model_of("class"), load_model(info, CPU)
    assert model.conditioners.classes is not None
    assert same.conditioners.classes is not None
    assert torch.equal(same.conditioners.classes, model.conditioners.classes)
    for mine, theirs in ((same.unet, model.unet), (same.vae, model.vae)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)


def test_averaged_weights_are_drawn_with(tmp_path: Path) -> None:
    original = original_of("upscale")
    prefix = "model.diffusion_model."
    own = {n.removeprefix("model."): w for n, w in original.weights.items() if n.startswith(prefix)}
    averaged = {f"model_ema.{n.replace('.', '')}": w * 0.5 for n, w in own.items()}
    model = load_model(write(original, tmp_path / "upscale", extra=averaged), CPU)
    bias = original.weights[f"{prefix}out.2.bias"]
    assert torch.equal(model.unet.conv_out.bias, bias * 0.5)  # type: ignore[union-attr,arg-type]
    del averaged["model_ema.diffusion_modelout2bias"]
    model = load_model(write(original, tmp_path / "part", extra=averaged), CPU)
    assert torch.equal(model.unet.conv_out.bias, bias)  # type: ignore[union-attr,arg-type]


def test_a_schedule_in_the_file_is_believed(tmp_path: Path) -> None:
    alphas = torch.linspace(0.99, 0.01, 1000)
    model = load_model(write(original_of("class"), tmp_path, extra={"alphas_cumprod": alphas}), CPU)
    assert model.levels.sigma_max == pytest.approx(math.sqrt(99), rel=1e-4)


def test_a_missing_weight_is_a_broken_model(tmp_path: Path) -> None:
    original = Original("class")
    info = write(original, tmp_path)
    del original.weights["model.diffusion_model.middle_block.0.out_layers.3.bias"]
    damaged: CheckpointInfo = replace(write(original, tmp_path / "b"), id=info.id)
    with pytest.raises(BrokenModel, match="tiny/"):
        load_model(damaged, CPU)
