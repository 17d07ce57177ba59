"""Which of the three drivers follows a map, and what it is given."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.services.models import write_controlnet
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import InvalidField
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ImageId, ModelId
from webui.contracts.palettes import ADE20K, OWN
from webui.contracts.parameters.regions import AUTOMATIC_DRIVER, CONTROLNET, NATIVE, REGION_PROMPTS
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.images import ImageStore
from webui.services.map_drivers import controlnet_for, drivers_of
from webui.services.resolve import resolve

WATER, MEADOW = 9, 6


def _model(task: Task = "text", name: str = "my/text") -> CheckpointInfo:
    classes = ("sky", "sea") if task in ("semantic", "layout") else ()
    return replace(FAKE_CHECKPOINT, id=ModelId(name), task=task, classes=classes)


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def _map(images: ImageStore, left: int = WATER, right: int = MEADOW) -> ImageId:
    picture = Image.new("L", (20, 10), left)
    picture.paste(right, (10, 0, 20, 10))
    return _put(images, picture)


def _put(images: ImageStore, picture: Image.Image) -> ImageId:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return images.put(out.getvalue())


def _resolved(
    images: ImageStore, model: CheckpointInfo, folder: Path | None = None, **fields: Any
) -> GenerationRequest:
    catalog = Catalog([folder] if folder else [], built_in=[model])
    request = GenerationRequest.model_validate({"prompt": "a view", "model": model.id, **fields})
    return resolve(request, catalog, images, lambda _: 7)


def _refusal(images: ImageStore, model: CheckpointInfo, **fields: Any) -> str:
    with pytest.raises(InvalidField) as caught:
        _resolved(images, model, **fields)
    return str(caught.value)


def test_a_map_for_a_model_that_reads_text_becomes_a_prompt_a_class(images: ImageStore) -> None:
    resolved = _resolved(images, _model(), class_map=_map(images))
    assert resolved.map_driver == REGION_PROMPTS
    said = [(region.value, region.name, region.prompt) for region in resolved.regions]
    assert said == [(6, "meadow", "a green meadow"), (9, "water", "a calm lake")]


def test_what_was_said_of_regions_is_kept(images: ImageStore) -> None:
    regions = [{"value": WATER, "name": "water", "prompt": "a lake", "weight": 1.5}]
    resolved = _resolved(images, _model(), class_map=_map(images), regions=regions)
    assert [(r.prompt, r.weight) for r in resolved.regions] == [("a lake", 1.5)]


def test_a_resolved_request_can_be_ordered_again_as_it_was(
    images: ImageStore, tmp_path: Path
) -> None:
    write_controlnet(tmp_path / "models" / "my" / "seg", "classes")
    model, folder = _model(), tmp_path / "models"
    first = _resolved(images, model, folder, class_map=_map(images), map_driver=CONTROLNET)
    assert len(first.controls) == 1
    again = resolve(first, Catalog([folder], built_in=[model]), images, lambda _: 8)
    assert again == first


@pytest.mark.parametrize("task", ["text", "inpaint", "depth", "edit"])
def test_only_a_model_that_reads_text_is_driven_by_words(images: ImageStore, task: Task) -> None:
    model = _model(task)
    assert drivers_of(model, Catalog([], built_in=[model])) == (REGION_PROMPTS,)
    wordless = replace(model, reads_text=False)
    assert drivers_of(wordless, Catalog([], built_in=[wordless])) == ()
    picture = _put(images, Image.new("L", (64, 64), 255))
    needed: dict[str, Any] = {"image": picture, "mask": picture if task == "inpaint" else None}
    needed |= {"depth_map": picture} if task == "depth" else {}
    said = _refusal(images, wordless, class_map=_map(images), **needed)
    assert "class_map is given for the model 'my/text', which cannot use it" in said


@pytest.mark.parametrize("task", ["class", "unconditional", "retrieval", "upscale"])
def test_models_of_no_words_have_no_driver(task: Task) -> None:
    model = _model(task)
    assert drivers_of(model, Catalog([], built_in=[model])) == ()


def test_a_model_of_maps_or_boxes_follows_them_itself(images: ImageStore) -> None:
    semantic = _resolved(images, _model("semantic"), class_map=_map(images, 0, 1))
    box = {"label": "sky", "left": 0, "top": 0, "right": 1, "bottom": 0.5}
    layout = _resolved(images, _model("layout"), boxes=[box])
    assert (semantic.map_driver, layout.map_driver) == (AUTOMATIC_DRIVER, AUTOMATIC_DRIVER)


def test_a_controlnet_that_is_asked_for_sees_the_maps_colours(
    images: ImageStore, tmp_path: Path
) -> None:
    write_controlnet(tmp_path / "models" / "my" / "seg", "classes")
    resolved = _resolved(
        images, _model(), tmp_path / "models", class_map=_map(images), map_driver=CONTROLNET
    )
    (control,) = resolved.controls
    assert control.adapter == "my/seg"
    with Image.open(images.path(control.image)) as shown:
        row = np.asarray(shown.convert("RGB"))[5]
    assert row[0].tolist() == [44, 110, 190]  # water
    assert row[-1].tolist() == [132, 190, 84]  # meadow


def test_the_controlnet_beside_the_model_is_preferred(images: ImageStore, tmp_path: Path) -> None:
    for folder in ("a", "my"):
        write_controlnet(tmp_path / "models" / folder / "seg", "classes")
    write_controlnet(tmp_path / "models" / "my" / "edges", "edges")
    catalog = Catalog([tmp_path / "models"], built_in=[_model()])
    net = controlnet_for(_model(), catalog)
    assert net is not None
    assert net.id == "my/seg"
    assert drivers_of(_model(), catalog) == (REGION_PROMPTS, CONTROLNET)


def test_a_map_in_ade20k_is_shown_to_the_controlnet_in_its_colours(
    images: ImageStore, tmp_path: Path
) -> None:
    write_controlnet(tmp_path / "models" / "other" / "seg", "classes")
    asked = _resolved(
        images,
        _model(),
        tmp_path / "models",
        class_map=_map(images),
        map_palette=ADE20K,
        map_driver=CONTROLNET,
    )
    with Image.open(images.path(asked.controls[0].image)) as shown:
        assert shown.convert("RGB").getpixel((0, 0)) == (4, 250, 7)  # grass


def test_boxes_are_areas_of_their_class_to_a_controlnet(images: ImageStore, tmp_path: Path) -> None:
    write_controlnet(tmp_path / "models" / "my" / "seg", "classes")
    box = {"label": "boat", "left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.8}
    asked = {"class_map": _map(images), "map_driver": CONTROLNET, "boxes": [box]}
    resolved = _resolved(images, _model(), tmp_path / "models", **asked)
    with Image.open(images.path(resolved.controls[0].image)) as shown:
        found = np.asarray(shown.convert("RGB"))
    boat = np.all(found == (130, 78, 40), axis=-1)
    expected = np.zeros((10, 20), bool)
    expected[2:8, 2:6] = True
    assert np.array_equal(boat, expected)


def test_boxes_that_a_controlnet_cannot_see_are_named(images: ImageStore, tmp_path: Path) -> None:
    write_controlnet(tmp_path / "models" / "my" / "seg", "classes")
    box = {"label": "lava", "left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.8}
    asked = {"map_driver": CONTROLNET, "boxes": [box]}
    with pytest.raises(
        InvalidField, match=r"boxes\.0\.label is 'lava', expected one of the palette's: sky"
    ):
        _resolved(images, _model(), tmp_path / "models", class_map=_map(images), **asked)
    with pytest.raises(InvalidField, match="class_map is missing, expected a map below the boxes"):
        _resolved(images, _model(), tmp_path / "models", **asked)


def test_a_driver_that_the_model_cannot_have_is_refused(images: ImageStore) -> None:
    said = _refusal(images, _model(), class_map=_map(images), map_driver=NATIVE)
    assert "map_driver is 'Native' for the model 'my/text', which cannot be driven so" in said
    assert "expected one of Automatic, Region prompts" in said


def test_a_map_of_other_classes_than_the_models_is_refused(images: ImageStore) -> None:
    said = _refusal(images, _model("semantic"), class_map=_map(images, 0, 1), map_palette=ADE20K)
    assert "map_palette is 'ADE20K' for the model 'my/text', which has classes of its own" in said


@pytest.mark.parametrize(
    ("palette", "expected"),
    [("World", "values from 0 to 15"), (OWN, "one prompt a value, as the palette is your own")],
)
def test_a_number_without_words_is_named(images: ImageStore, palette: str, expected: str) -> None:
    said = _refusal(images, _model(), class_map=_map(images, 0, 16), map_palette=palette)
    assert "class_map is a picture with the value 16" in said
    assert expected in said


def test_a_map_of_colours_is_refused(images: ImageStore) -> None:
    coloured = _put(images, Image.new("RGB", (8, 8), "red"))
    assert "class_map is a coloured picture" in _refusal(images, _model(), class_map=coloured)


def test_without_a_map_nothing_is_driven(images: ImageStore) -> None:
    assert _resolved(images, _model()).map_driver == "Automatic"
