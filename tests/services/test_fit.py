"""Whether a request and a model fit, said field by field."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.services.models import write_weights
from webui.contracts.checkpoint import TASKS, CheckpointInfo, Task
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ImageId, ModelId
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.fit import misfits
from webui.services.images import ImageStore

A, B = "a" * 64, "b" * 64
BOX = {"label": "sky", "left": 0, "top": 0, "right": 1, "bottom": 0.5}
CONTROL = {"adapter": "edges", "image": A}
LORA = {"adapter": "chalk"}


def _model(task: Task) -> CheckpointInfo:
    classes = ("sky", "sea") if task in ("semantic", "layout", "class") else ()
    factor = 4 if task == "upscale" else 8
    name = ModelId(f"starter/{task}")
    return replace(FAKE_CHECKPOINT, id=name, task=task, classes=classes, latent_factor=factor)


CATALOG = Catalog([], built_in=[_model(task) for task in TASKS])


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def _numbers(images: ImageStore, greatest: int, mode: str = "L") -> ImageId:
    picture = Image.new(mode, (20, 10))
    picture.putpixel((3, 4), greatest)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return images.put(out.getvalue())


def _picture(images: ImageStore, width: int, height: int) -> ImageId:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return images.put(out.getvalue())


def _wrong(images: ImageStore, task: Task, **fields: object) -> str:
    if fields.get("mask") == B and task in ("inpaint", "text"):
        fields["mask"] = _numbers(images, 255)
    values = {"prompt": "a boat", "width": 64, "height": 64, **fields}
    request = GenerationRequest.model_validate(values)
    problems = misfits(request, _model(task), CATALOG, images)
    return " ".join(str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("text", {}),
        ("text", {"image": A}),
        ("text", {"image": A, "mask": B}),
        ("text", {"image": A, "loops": 4}),
        ("text", {"controls": [CONTROL], "loras": [LORA]}),
        ("inpaint", {"image": A, "mask": B, "loras": [LORA]}),
        ("depth", {"depth_map": A}),
        ("depth", {"depth_map": A, "image": B}),
        ("class", {"class_label": "Sea"}),
        ("class", {"class_label": "1", "image": A}),
        ("unconditional", {}),
        ("variation", {"image": A, "loras": [LORA]}),
        ("layout", {}),
        ("layout", {"boxes": [BOX, {**BOX, "label": "sea"}]}),
    ],
)
def test_what_fits_is_let_through(
    images: ImageStore, task: Task, fields: dict[str, object]
) -> None:
    assert _wrong(images, task, **fields) == ""


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_class_map_of_known_classes_fits(images: ImageStore, mode: str) -> None:
    assert _wrong(images, "semantic", class_map=_numbers(images, 1, mode)) == ""


@pytest.mark.parametrize(
    ("task", "fields", "sentence"),
    [
        ("inpaint", {}, "image is missing for the model 'starter/inpaint', expected the picture to mend"),
        ("inpaint", {"image": A}, "mask is missing for the model 'starter/inpaint', expected a picture that is white"),
        ("semantic", {}, "class_map is missing for the model 'starter/semantic'"),
        ("depth", {"image": A}, "depth_map is missing for the model 'starter/depth'"),
        ("upscale", {}, "image is missing for the model 'starter/upscale'"),
        ("variation", {}, "image is missing for the model 'starter/variation', expected the picture to vary"),
        ("variation", {"image": A, "loops": 2}, "loops is 2"),
        ("text", {"mask": B}, "image is missing beside a mask"),
        ("text", {"outpaint_top": 8}, "image is missing beside a frame"),
        ("text", {"loops": 2}, "loops is 2 for the model 'starter/text', expected 1, but where"),
        ("text", {"image": A, "mask": B, "loops": 2}, "loops is 2"),
        ("text", {"upscaler_2": "Nearest"}, "upscaler_2 is 'Nearest', expected 'None'"),
    ],
)  # fmt: skip
def test_what_a_model_needs_is_asked_for(
    images: ImageStore, task: Task, fields: dict[str, object], sentence: str
) -> None:
    assert sentence in _wrong(images, task, **fields)


@pytest.mark.parametrize(
    ("task", "fields", "name", "instead"),
    [
        ("upscale", {"image": A, "class_map": A}, "class_map", "starter/semantic"),
        ("layout", {"class_map": A}, "class_map", "starter/semantic"),
        ("text", {"depth_map": A}, "depth_map", "starter/depth"),
        ("semantic", {"class_map": A, "boxes": [BOX]}, "boxes", "starter/layout"),
        ("depth", {"depth_map": A, "image": A, "mask": B}, "mask", "starter/inpaint"),
        ("upscale", {"image": A, "mask": B}, "mask", "starter/inpaint"),
        ("variation", {"image": A, "controls": [CONTROL]}, "controls", "starter/text"),
        ("upscale", {"image": A, "controls": [CONTROL]}, "controls", "starter/text"),
        ("upscale", {"image": A, "loras": [LORA]}, "loras", "starter/text"),
    ],
)
def test_what_a_model_cannot_use_is_refused_and_another_model_named(
    images: ImageStore, task: Task, fields: dict[str, object], name: str, instead: str
) -> None:
    said = _wrong(images, task, **fields)
    assert f"{name} is given for the model 'starter/{task}', which cannot use it" in said
    assert f"'{instead}'" in said
    assert f"or {name} to be left out." in said


def test_without_a_model_that_could_use_it_leaving_it_out_is_all_there_is(
    images: ImageStore,
) -> None:
    request = GenerationRequest.model_validate({"prompt": "", "depth_map": A})
    (problem,) = misfits(request, _model("text"), Catalog([]), images)
    assert problem.expected == "depth_map to be left out"


def test_a_class_map_with_an_unknown_class_is_refused(images: ImageStore) -> None:
    said = _wrong(images, "semantic", class_map=_numbers(images, 2))
    assert "class_map is a picture with the value 2, expected values from 0 to 1" in said


def test_a_refiner_is_a_text_model_for_pictures_from_nothing(images: ImageStore) -> None:
    assert "draws from text" in _wrong(images, "text", refiner="starter/inpaint")
    assert "draws from text" in _wrong(images, "text", hires_model="starter/depth")
    assert "refiner" in _wrong(images, "text", image=A, refiner="starter/text")
    assert _wrong(images, "text", refiner="starter/text") == ""


def test_a_second_pass_is_for_pictures_from_nothing(images: ImageStore) -> None:
    assert "hires_scale" in _wrong(images, "text", image=A, hires_scale=2.0)
    assert _wrong(images, "text", hires_scale=2.0) == ""


def test_a_coloured_class_map_is_refused(images: ImageStore) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    said = _wrong(images, "semantic", class_map=images.put(out.getvalue()))
    assert "class_map is a coloured picture, expected values from 0 to 1" in said


@pytest.mark.parametrize(
    ("colour", "mode", "sentence"),
    [
        (0, "Inpaint masked", "mask is empty: nothing of it is white, expected white where to redraw."),
        (255, "Inpaint not masked", "mask is white everywhere, expected black where to redraw"),
        (0, "Inpaint not masked", ""),
        (1, "Inpaint masked", ""),
    ],
)  # fmt: skip
def test_a_mask_must_leave_something_to_redraw(
    images: ImageStore, colour: int, mode: str, sentence: str
) -> None:
    out = io.BytesIO()
    Image.new("L", (8, 8), colour).save(out, "PNG")
    mask = images.put(out.getvalue())
    said = _wrong(images, "text", image=A, mask=mask, mask_mode=mode)
    assert sentence in said if sentence else said == ""


@pytest.mark.parametrize("task", ["inpaint", "text"])
@pytest.mark.parametrize("brightness", [None, 0, 255])
def test_a_frame_needs_no_mask_and_takes_any(
    images: ImageStore, task: Task, brightness: int | None
) -> None:
    mask = {} if brightness is None else {"mask": _numbers(images, brightness)}
    assert not _wrong(images, task, image=_picture(images, 64, 64), outpaint_left=64, **mask)


def test_a_picture_with_its_frame_has_a_size_that_a_request_can_say(images: ImageStore) -> None:
    said = _wrong(images, "text", image=_picture(images, 4000, 64), outpaint_right=128)
    assert "outpaint_right is for a picture that has 4128 x 64 pixels with its frame" in said
    assert "expected a picture and frame with sides of 64 to 4096 pixels" in said


@pytest.mark.parametrize(
    ("task", "upscaler"), [("depth", "Model"), ("upscale", "Model"), ("text", "Lanczos")]
)
def test_a_frame_is_refused_where_nothing_could_be_drawn_in_it(
    images: ImageStore, task: Task, upscaler: str
) -> None:
    fields = {"image": A, "depth_map": A} if task == "depth" else {"image": A}
    said = _wrong(images, task, **fields, upscaler=upscaler, outpaint_bottom=8)
    assert "outpaint_bottom is given for" in said
    assert "which cannot draw a picture on, expected 0, or a model for inpainting or text" in said


def test_a_box_of_an_unknown_thing_is_refused(images: ImageStore) -> None:
    said = _wrong(images, "layout", boxes=[BOX, {**BOX, "label": "dragon"}])
    assert said == "boxes.1.label is 'dragon', expected one of sky, sea."


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((15, 64), "image is 15 x 64 pixels, expected sides of 16 to 1024 pixels, as the model enlarges 4 times."),
        ((1025, 64), "image is 1025 x 64 pixels, expected sides of 16 to 1024 pixels"),
        ((16, 32), "height is 64, expected 128, 4 times the image's, or nothing."),
        ((16, 16), ""),
    ],
)  # fmt: skip
def test_a_picture_to_enlarge_must_have_a_size_that_can_be_enlarged(
    images: ImageStore, size: tuple[int, int], sentence: str
) -> None:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    said = _wrong(images, "upscale", image=images.put(out.getvalue()))
    assert sentence in said if sentence else said == ""


@pytest.mark.parametrize(
    ("task", "fields", "sentence"),
    [
        ("text", {"upscaler": "Lanczos"}, "image is missing for Lanczos, expected the picture to enlarge"),
        ("text", {"upscaler": "Diffusion in tiles"}, "image is missing for Diffusion in tiles, expected the picture to enlarge"),
        ("upscale", {"upscaler": "Diffusion in tiles", "image": A}, "model is 'starter/upscale', expected one that draws from text, for Diffusion in tiles"),
        ("text", {"upscale_factor": 2, "image": A}, "upscale_factor is given for the model 'starter/text', which cannot use it, expected model to be 'starter/upscale'"),
    ],
)  # fmt: skip
def test_enlarging_wants_a_picture_and_something_that_enlarges(
    images: ImageStore, task: Task, fields: dict[str, object], sentence: str
) -> None:
    assert sentence in _wrong(images, task, **fields)


@pytest.mark.parametrize(
    ("task", "upscaler"),
    [("text", "Nearest"), ("text", "Diffusion in tiles"), ("upscale", "Model")],
)
def test_a_factor_says_the_size(images: ImageStore, task: Task, upscaler: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (101, 64)).save(out, "PNG")
    image = images.put(out.getvalue())
    asked = {"image": image, "upscaler": upscaler, "upscale_factor": 2}
    assert _wrong(images, task, **asked, width=200, height=128) == ""
    assert "width is 64, expected 200, 2 times the image's" in _wrong(images, task, **asked)
    by = "the model" if upscaler == "Model" else upscaler
    large = _wrong(images, task, **{**asked, "upscale_factor": 64 / 8})
    assert "expected 808, 8 times" in large
    huge = io.BytesIO()
    Image.new("RGB", (600, 64)).save(huge, "PNG")
    asked |= {"image": images.put(huge.getvalue()), "upscale_factor": 8}
    assert f"as {by} enlarges 8 times" in _wrong(images, task, **asked)


@pytest.mark.parametrize(("own", "fits"), [(768, True), (2048, False), (0, True)])
def test_a_lora_for_another_kind_of_model_is_refused_before_anything_is_drawn(
    images: ImageStore, tmp_path: Path, own: int, fits: bool
) -> None:
    place = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes = {f"{place}.lora_down.weight": [4, 768], f"{place}.lora_up.weight": [320, 4]}
    write_weights(tmp_path / "loras" / "chalk.safetensors", shapes)
    request = GenerationRequest.model_validate(
        {"prompt": "a boat", "width": 64, "height": 64, "loras": [{"adapter": "loras/chalk"}]}
    )
    model = replace(_model("text"), text_width=own)
    problems = misfits(request, model, Catalog([tmp_path]), images)
    assert (problems == []) == fits
    if not fits:
        assert "'loras/chalk', which is made for SD 1, for text of width 768" in str(problems[0])
        assert "one for text of width 2048" in str(problems[0])


@pytest.mark.parametrize(
    ("task", "label", "sentence"),
    [
        ("class", "", "class_label is missing for the model 'starter/class', expected one of"),
        ("class", "seal", "a name of its 2 classes, such as 'sea', or a number below 2"),
        ("class", "2", "class_label is '2', expected a name of its 2 classes, or a number"),
        ("text", "sea", "expected model to be 'starter/class', or class_label to be left out"),
    ],
)
def test_a_class_must_be_one_of_the_models(
    images: ImageStore, task: Task, label: str, sentence: str
) -> None:
    assert sentence in _wrong(images, task, class_label=label)
