"""Every model in the box, with its real weights, through the real engine: does it do its task?

Small numbers of pictures and steps; what the models reach is measured by `launch.py evaluate`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import ControlUse, LoraUse
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.services.adapter_files import describe_controlnet
from webui.services.lora_files import describe_lora
from webui.training.command import STARTER
from webui.training.evaluate import JUDGE_FILE, SEGMENTER_FILE
from webui.training.evaluation.controls import edges
from webui.training.evaluation.drawing import Supplies, draw, load_folder
from webui.training.evaluation.facts import overall, score
from webui.training.evaluation.inpaint import holes, largest_error_outside
from webui.training.evaluation.layout import boxes_found, boxes_of
from webui.training.evaluation.maps import depth_picture, things_iou
from webui.training.evaluation.metrics import edge_f1, mean_iou, psnr_db
from webui.training.evaluation.unseen import Unseen, unseen
from webui.training.evaluation.upscale import enlarged, spoiled
from webui.training.judge import judge_pictures, load_judge
from webui.training.runs import Pixels
from webui.training.segmenter import load_segmenter, segment
from webui.training.world import CLASSES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
COUNT, STEPS = 6, 10


def model_of(name: str) -> LoadedModel:
    return load_folder(STARTER / name, ModelId(f"starter/{name}"))


@pytest.fixture(scope="module")
def text() -> LoadedModel:
    return model_of("text")


@pytest.fixture(scope="module")
def plain(text: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    """The scenes as the text model draws them from their captions alone."""
    supplies = Supplies(tmp_path_factory.mktemp("plain"))
    return drawn(text, unseen(COUNT, 256), supplies, [{}] * COUNT)


@pytest.fixture
def supplies(tmp_path: Path) -> Supplies:
    return Supplies(tmp_path)


def asked_for(model: LoadedModel, **fields: Any) -> GenerationRequest:
    own = dict(model.checkpoint.defaults)
    return GenerationRequest.model_validate({"prompt": "", "steps": STEPS, **own, **fields})


def drawn(
    model: LoadedModel, scenes: Unseen, supplies: Supplies, each: list[dict[str, Any]]
) -> Pixels:
    requests = [
        asked_for(model, prompt=said.text, seed=i, **fields)
        for i, (said, fields) in enumerate(zip(scenes.captions, each, strict=True))
    ]
    return np.stack(draw(model, requests, supplies))


def maps_read(pictures: Pixels) -> Any:
    return segment(load_segmenter(SEGMENTER_FILE), pictures)


def wanted_maps() -> Any:
    return unseen(COUNT, 128).class_maps


@pytest.mark.parametrize("name", ["text", "turbo"])
def test_pictures_show_what_their_captions_state(
    name: str, plain: Pixels, supplies: Supplies
) -> None:
    scenes = unseen(COUNT, 256)
    made = plain if name == "text" else drawn(model_of(name), scenes, supplies, [{}] * COUNT)
    assert made.shape == (COUNT, 256, 256, 3)
    verdicts = judge_pictures(load_judge(JUDGE_FILE), made)
    assert overall(score(scenes.captions, verdicts)).share > 0.8


def test_a_hole_is_filled_and_nothing_else_changes(supplies: Supplies) -> None:
    model, dug = model_of("inpaint"), holes(3, 256)
    requests = [
        asked_for(
            model, prompt=hole.said.text, seed=i, image=supplies.keep(hole.given),
            mask=supplies.keep(hole.mask), denoising_strength=1.0, mask_blur=0,
        )
        for i, hole in enumerate(dug)
    ]  # fmt: skip
    made = np.stack(draw(model, requests, supplies))
    assert largest_error_outside(dug, made) == 0
    inside = np.stack([hole.mask for hole in dug]) > 0
    given = np.stack([hole.given for hole in dug])
    assert np.abs(made.astype(int) - given)[inside].mean() > 3


def test_a_class_map_is_followed(supplies: Supplies) -> None:
    scenes = unseen(COUNT, 256)
    each = [{"class_map": supplies.keep(class_map)} for class_map in scenes.class_maps]
    made = drawn(model_of("semantic"), scenes, supplies, each)
    assert mean_iou(maps_read(made), wanted_maps(), len(CLASSES)) > 0.6


def test_a_class_map_of_another_size_and_shape_is_followed_too(supplies: Supplies) -> None:
    """Convolutional sampling (paper, section 4.3.2)."""
    small = unseen(1, 256).class_maps[0]
    wide = np.concatenate([small, small], axis=1)
    model = model_of("semantic")
    request = asked_for(model, class_map=supplies.keep(wide), width=512, height=256, steps=6)
    (made,) = draw(model, [request], supplies)
    assert made.shape == (256, 512, 3)
    read = maps_read(np.stack([made[:, :256], made[:, 256:]]))
    truth = np.repeat(wanted_maps()[:1], 2, axis=0)
    assert mean_iou(read, truth, len(CLASSES)) > 0.5


def test_boxes_hold_their_things_far_more_often_than_captions_alone_put_them_there(
    supplies: Supplies,
) -> None:
    model, scenes = model_of("layout"), unseen(COUNT, 256)
    boxes = [boxes_of(rendering) for rendering in scenes.drawn]
    made = drawn(model, scenes, supplies, [{"boxes": each} for each in boxes])
    found = boxes_found(maps_read(made), wanted_maps(), boxes).share
    without = drawn(model, scenes, supplies, [{}] * COUNT)
    assert found > 0.85
    assert found > boxes_found(maps_read(without), wanted_maps(), boxes).share + 0.1


def test_things_stand_where_a_depth_map_has_them_and_are_what_the_caption_states(
    supplies: Supplies,
) -> None:
    model, scenes = model_of("depth"), unseen(COUNT, 256)
    depths = [supplies.keep(depth_picture(rendering.depth)) for rendering in scenes.drawn]
    made = drawn(model, scenes, supplies, [{"depth_map": each} for each in depths])
    assert things_iou(maps_read(made), wanted_maps()) > 0.7
    verdicts = judge_pictures(load_judge(JUDGE_FILE), made)
    assert overall(score(scenes.captions, verdicts)).share > 0.8


def test_an_enlarged_picture_is_closer_to_the_truth_than_an_interpolated_one(
    supplies: Supplies,
) -> None:
    model, true = model_of("upscale"), unseen(2, 512).pictures
    given = spoiled(true)
    requests = [asked_for(model, image=supplies.keep(small), seed=1) for small in given]
    made = np.stack(draw(model, requests, supplies))
    assert made.shape == true.shape
    assert psnr_db(made, true) > psnr_db(enlarged(given, Image.Resampling.BICUBIC), true) + 0.5


def adapter(name: str) -> AdapterInfo:
    found = describe_controlnet(STARTER / name, AdapterId(f"starter/{name}"))
    assert found is not None
    return found


@pytest.mark.parametrize("reads", ["edges", "classes"])
def test_a_controlnet_is_followed(
    reads: str, text: LoadedModel, plain: Pixels, supplies: Supplies
) -> None:
    net, scenes = adapter(f"controlnet-{reads}"), unseen(COUNT, 256)
    hints = (
        np.repeat(edges(scenes.pictures)[..., None], 3, axis=3)
        if reads == "edges"
        else np.array([entry.rgb for entry in CLASSES], np.uint8)[scenes.class_maps]
    )
    equipped = replace(supplies, adapters=(net,))
    uses: list[dict[str, Any]] = [
        {"controls": (ControlUse(adapter=net.id, image=equipped.keep(h)),)} for h in hints
    ]
    made = drawn(text, scenes, equipped, uses)
    if reads == "edges":
        true = edges(scenes.pictures)
        assert edge_f1(edges(made), true) > edge_f1(edges(plain), true) + 0.1
    else:
        told, untold = (mean_iou(maps_read(p), wanted_maps(), len(CLASSES)) for p in (made, plain))
        assert told > untold + 0.1


def test_a_lora_draws_what_the_world_has_not_and_leaves_no_trace(
    text: LoadedModel, supplies: Supplies
) -> None:
    lora = describe_lora(
        STARTER / "loras" / "lighthouse.safetensors", AdapterId("starter/loras/lighthouse")
    )
    equipped = replace(supplies, adapters=(lora,))
    plain = asked_for(text, prompt="a lighthouse on the right, the sea by day", seed=3)
    with_it = plain.model_copy(update={"loras": (LoraUse(adapter=lora.id),)})
    before, tower, after = (draw(text, [r], equipped)[0] for r in (plain, with_it, plain))
    assert np.array_equal(before, after)
    red = [int(((p[..., 0] > 150) & (p[..., 1] < 90)).sum()) for p in (before, tower)]
    assert red[1] > red[0] + 150
