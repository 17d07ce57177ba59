"""A folder's JSON and headers say all that is needed, and say what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.models import (
    write_json,
    write_model,
    write_sharing_model,
    write_upscaler,
    write_weights,
)
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder

_M = ModelId("m")


def test_a_folder_is_described_from_its_headers(tmp_path: Path) -> None:
    info = describe_folder(write_model(tmp_path / "m"), _M)
    assert (info.family, info.prediction, info.dtype) == ("sd1", "v_prediction", "F16")
    assert (info.latent_channels, info.latent_factor) == (8, 4)
    assert (info.native_width, info.native_height) == (128, 128)
    assert info.parameters == 100 + 3 + 7 + 10
    assert info.title == "m"


def test_a_model_may_be_wider_than_high(tmp_path: Path) -> None:
    info = describe_folder(write_model(tmp_path / "m", sample_size=[16, 32]), _M)
    assert (info.native_width, info.native_height) == (128, 64)


def test_title_and_description_come_from_the_card(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    card = "---\nlicense: mit\n---\n# Starter\n\n![x](y.png)\n\nDraws landscapes\nof v1.5 kind. And more.\n"
    (folder / "README.md").write_text(card)
    info = describe_folder(folder, _M)
    assert (info.title, info.description) == ("Starter", "Draws landscapes of v1.5 kind.")


def test_plain_weights_win_over_a_variant_and_a_variant_alone_will_do(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    plain = folder / "vae" / "diffusion_pytorch_model.safetensors"
    write_weights(plain.with_name("diffusion_pytorch_model.fp16.safetensors"), {"c": [9]})
    with_both = describe_folder(folder, _M).parameters
    plain.unlink()
    assert (with_both, describe_folder(folder, _M).parameters) == (120, 122)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BrokenModel, match=r"unet.*may be incomplete"):
        describe_folder(folder, _M)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b"\x02" + bytes(7) + b"[]", b"\x04" + bytes(7) + b"nope"]
)
def test_a_damaged_header_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write_model(tmp_path / "m")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    with pytest.raises(BrokenModel, match="header"):
        describe_folder(folder, _M)


def test_pickled_weights_alone_are_refused_with_a_hint(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(BrokenModel, match="convert them to safetensors"):
        describe_folder(folder, _M)


def test_another_pipeline_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    write_json(folder / "model_index.json", {"_class_name": "KandinskyPipeline"})
    with pytest.raises(NotAModel, match="'KandinskyPipeline'"):
        describe_folder(folder, _M)


@pytest.mark.parametrize(
    ("channels", "pipeline", "task"),
    [
        (8, "StableDiffusionPipeline", "text"),
        (17, "StableDiffusionPipeline", "inpaint"),
        (17, "StableDiffusionInpaintPipeline", "inpaint"),
        (9, "StableDiffusionDepth2ImgPipeline", "depth"),
    ],
)
def test_the_input_channels_tell_the_task(
    tmp_path: Path, channels: int, pipeline: str, task: str
) -> None:
    folder = write_model(tmp_path / "m", pipeline=pipeline, in_channels=channels)
    assert describe_folder(folder, _M).task == task


def test_other_input_channels_are_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match=r"takes 11 channels.*'text'.*8 was expected"):
        describe_folder(write_model(tmp_path / "m", in_channels=11), _M)


def test_a_semantic_model_names_its_task_and_classes(tmp_path: Path) -> None:
    easel = {"task": "semantic", "classes": ["sky", "sea", "sand"]}
    info = describe_folder(write_model(tmp_path / "m", easel, in_channels=8 + 4 * 3), _M)
    assert (info.task, info.classes) == ("semantic", ("sky", "sea", "sand"))


def test_classes_that_do_not_fit_the_channels_are_refused(tmp_path: Path) -> None:
    easel = {"task": "semantic", "classes": ["sky", "sea"]}
    with pytest.raises(NotAModel, match=r"takes 20 channels.*'semantic'.*16 was expected"):
        describe_folder(write_model(tmp_path / "m", easel, in_channels=20), _M)


def test_a_layout_model_has_an_encoder_of_boxes(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", {"task": "layout", "classes": ["house"]})
    with pytest.raises(BrokenModel, match="layout_encoder"):
        describe_folder(folder, _M)
    write_json(folder / "layout_encoder" / "config.json", {})
    write_weights(folder / "layout_encoder" / "model.safetensors", {"e": [1000]})
    info = describe_folder(folder, _M)
    assert (info.task, info.parameters) == ("layout", 120 + 1000)
    assert info.part("layout_encoder") == str(folder / "layout_encoder")


@pytest.mark.parametrize("task", ["semantic", "layout"])
def test_a_task_with_classes_that_names_none_is_refused(tmp_path: Path, task: str) -> None:
    with pytest.raises(BrokenModel, match="names no classes"):
        describe_folder(write_model(tmp_path / "m", {"task": task}), _M)


def test_parts_of_a_neighbour_can_be_shared(tmp_path: Path) -> None:
    text = write_model(tmp_path / "text")
    parts = ("vae", "text_encoder", "tokenizer")
    shared = {part: f"../text/{part}" for part in parts}
    folder = write_sharing_model(tmp_path / "turbo", {"shared": shared})
    info = describe_folder(folder, _M)
    assert [info.part(part) for part in parts] == [str(text / part) for part in parts]
    assert (info.part("unet"), info.parameters) == (str(folder / "unet"), 120)


def test_a_part_of_its_own_wins_over_a_shared_one(tmp_path: Path) -> None:
    write_model(tmp_path / "text")
    folder = write_model(tmp_path / "m", {"shared": {"vae": "../text/vae"}})
    assert describe_folder(folder, _M).part("vae") == str(folder / "vae")


@pytest.mark.parametrize("path", ["../../vae", "/etc", "../text/../../vae", "../link"])
def test_a_shared_part_beyond_the_neighbours_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "vae").mkdir()
    models = tmp_path / "models"
    folder = write_sharing_model(models / "m", {"shared": {"vae": path}})
    (models / "link").symlink_to(tmp_path / "vae")
    with pytest.raises(BrokenModel, match="leads out of"):
        describe_folder(folder, _M)


def test_a_shared_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = write_sharing_model(tmp_path / "m", {"shared": {"vae": "../text/vae"}})
    with pytest.raises(BrokenModel, match=r"'\.\./text/vae'.*Install the model"):
        describe_folder(folder, _M)


def test_defaults_are_checked_as_a_requests_fields_are(tmp_path: Path) -> None:
    easel = {"defaults": {"steps": 4, "guidance_scale": 1, "sampler": "lcm"}}
    info = describe_folder(write_model(tmp_path / "m", easel), _M)
    assert info.defaults == (("sampler", "LCM"), ("steps", 4), ("guidance_scale", 1.0))


@pytest.mark.parametrize(
    ("easel", "reason"),
    [
        ({"defaults": {"steps": 0}}, "steps is 0"),
        ({"defaults": {"seed": 7}}, "'defaults'"),
        ({"defaults": ["steps"]}, "'defaults'"),
        ({"classes": [1, 2]}, "'classes'"),
        ({"classes": "sky"}, "'classes'"),
        ({"shared": ["vae"]}, "'shared'"),
        ({"task": "poetry"}, "task is 'poetry'"),
        ({"task": "upscale"}, "for the task 'upscale'"),
    ],
)
def test_a_wrong_word_in_easel_json_is_quoted(
    tmp_path: Path, easel: dict[str, Any], reason: str
) -> None:
    with pytest.raises((BrokenModel, NotAModel), match=reason):
        describe_folder(write_model(tmp_path / "m", easel), _M)


def test_a_shared_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="'shared'"):
        describe_folder(write_sharing_model(tmp_path / "m", {"shared": {"vae": 7}}), _M)


def test_a_superresolution_folder_is_described(tmp_path: Path) -> None:
    info = describe_folder(write_upscaler(tmp_path / "m"), _M)
    assert (info.family, info.task, info.prediction) == ("ldm-sr", "upscale", "epsilon")
    assert (info.latent_channels, info.latent_factor, info.native_width) == (3, 4, 256)
    assert (info.parameters, info.part("vqvae")) == (18, str(tmp_path / "m" / "vqvae"))


def test_a_network_with_a_label_is_told_of_noise(tmp_path: Path) -> None:
    plain = describe_folder(write_upscaler(tmp_path / "a"), _M)
    told = describe_folder(write_upscaler(tmp_path / "b", class_embed_type="timestep"), _M)
    assert (plain.takes_noise, told.takes_noise) == (False, True)


def test_a_superresolution_network_of_other_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="takes 7 channels"):
        describe_folder(write_upscaler(tmp_path / "m", in_channels=7), _M)


def test_what_is_described_can_be_a_key(tmp_path: Path) -> None:
    easel = {"task": "semantic", "classes": ["sky"], "defaults": {"steps": 9}}
    folder = write_model(tmp_path / "m", easel, in_channels=12)
    assert len({describe_folder(folder, _M), describe_folder(folder, _M)}) == 1


def test_an_impossible_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="sample_size"):
        describe_folder(write_model(tmp_path / "m", sample_size="big"), _M)
