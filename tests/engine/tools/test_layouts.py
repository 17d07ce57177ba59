"""A single file becomes a folder, and a folder a single file, and both draw the same picture to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.families.test_sdxl_file import shapes_of
from tests.engine.library import save_grey, save_picture
from tests.engine.original import tiny_sd1, tiny_sd2, tiny_x4, write_original
from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny
from tests.weights.ldm_layout import Shapes
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BadRequest
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.tools.command import main
from webui.engine.weights import open_weights
from webui.engine.work import DecodeLatent
from webui.services.diffusers_folder import describe_folder
from webui.services.single_file import describe_file

CPU = torch.device("cpu")
UNREAD = ("transformer.resblocks.2.", "logit_scale", "text_projection", "position_ids")
"""Of Stable Diffusion 2's text encoder: the last layer, and what no drawing asks for."""

KINDS: dict[str, tuple[Callable[[], Shapes], str]] = {
    "1": (tiny_sd1, "epsilon"),
    "1 inpainting": (lambda: tiny_sd1(9), "epsilon"),
    "1 editing": (lambda: tiny_sd1(8), "epsilon"),
    "1 v": (tiny_sd1, "v_prediction"),
    "2": (tiny_sd2, "epsilon"),
    "2 v": (tiny_sd2, "v_prediction"),
    "2 depth": (lambda: tiny_sd2(5), "epsilon"),
    "2 inpainting": (lambda: tiny_sd2(9), "epsilon"),
    "XL": (lambda: shapes_of(refiner=False), "epsilon"),
    "XL v": (lambda: shapes_of(refiner=False), "v_prediction"),
    "XL refiner": (lambda: shapes_of(refiner=True), "epsilon"),
}


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> CheckpointInfo:
    shapes, prediction = KINDS[request.param]
    path = tmp_path / "model.safetensors"
    path.with_suffix(".json").write_text(json.dumps({"prediction": prediction}))
    return write_original(path, shapes())


def latent(checkpoint: CheckpointInfo, tmp_path: Path) -> Tensor:
    """What a model draws of a prompt and, where it looks at pictures, of these."""
    files = {}
    if checkpoint.task != "text":
        files["image"] = save_picture(tmp_path / "image.png", 64, 64)
    if checkpoint.task == "inpaint":
        mask = torch.zeros(64, 64, dtype=torch.uint8)
        mask[16:48, 20:40] = 255
        files["mask"] = save_grey(tmp_path / "mask.png", mask.numpy())
    if checkpoint.task == "depth":
        files["depth_map"] = save_grey(tmp_path / "depth.png", torch.arange(64 * 64).reshape(64, 64).to(torch.uint8).numpy())  # fmt: skip
    rig = Rig(load_model(checkpoint, CPU))
    rig.finish(order(checkpoint, files=files, width=64, height=64, steps=2, prompt="a house by the sea"))  # fmt: skip
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    return rig.works(DecodeLatent)[0].latent


def as_folder(file: CheckpointInfo, folder: Path, *flags: str) -> CheckpointInfo:
    main([str(folder), file.path, "--layout", "folder", *flags])
    return describe_folder(folder, ModelId("folder"))


def as_file(folder: CheckpointInfo, file: Path, *flags: str) -> CheckpointInfo:
    main([str(file), folder.path, "--layout", "file", *flags])
    made = describe_file(file, ModelId("file"))
    assert made is not None
    return made


def test_there_and_back_everything_that_draws_is_the_same_to_the_bit(
    file: CheckpointInfo, tmp_path: Path
) -> None:
    folder = as_folder(file, tmp_path / "folder")
    back = as_file(folder, tmp_path / "back.safetensors")
    for made in (folder, back):
        assert (made.family, made.task, made.prediction) == (file.family, file.task, file.prediction)  # fmt: skip
    before, after = open_weights(Path(file.path)), open_weights(Path(back.path))
    second = file.variant == "2.x"
    read = [name for name in before if not (second and any(part in name for part in UNREAD))]
    for name in read:
        if not name.endswith(("position_ids", "logit_scale")):
            assert torch.equal(before[name], after[name]), name
    expected = latent(file, tmp_path)
    assert expected.abs().max() > 0.1
    assert torch.equal(latent(folder, tmp_path), expected)
    assert torch.equal(latent(back, tmp_path), expected)


def test_it_says_of_what_it_was_made_and_in_which_precision(tmp_path: Path) -> None:
    file = write_original(tmp_path / "model.safetensors", tiny_sd1())
    folder = as_folder(file, tmp_path / "folder", "--precision", "fp16")
    unet = open_weights(tmp_path / "folder" / "unet" / "diffusion_pytorch_model.safetensors")
    assert {weight.dtype for weight in unet.values()} == {torch.float16}
    assert json.loads(unet.header.metadata["easel_recipe"])["models"] == ["model.safetensors"]
    back = open_weights(Path(as_file(folder, tmp_path / "b.safetensors", "--precision", "bf16").path))  # fmt: skip
    assert {weight.dtype for weight in back.values()} == {torch.bfloat16}
    assert json.loads(back.header.metadata["easel_recipe"])["models"] == ["folder"]


# Any: JSON.
def _changed(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("vae/config.json", {"scaling_factor": 0.7}, "latents are scaled by 0.7"),
        ("unet/config.json", {"attention_head_dim": 4}, "attention has"),
        ("scheduler/scheduler_config.json", {"beta_end": 0.02}, "beta_end"),
        ("model_index.json", {"_class_name": "FluxPipeline"}, "FluxPipeline"),
    ],
)
def test_what_a_single_file_cannot_say_is_refused(
    tmp_path: Path, part: str, values: dict[str, Any], said: str
) -> None:
    folder = as_folder(write_original(tmp_path / "m.safetensors", tiny_sd1()), tmp_path / "folder")
    _changed(Path(folder.path) / part, **values)
    with pytest.raises(BadRequest, match=said):
        main([str(tmp_path / "no.safetensors"), folder.path, "--layout", "file"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "m.safetensors"]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    file = write_original(tmp_path / "m.safetensors", tiny_sd1())
    x4 = write_original(tmp_path / "x4.safetensors", tiny_x4())
    folder = write_tiny(tmp_path / "tiny")
    for arguments, said in (
        ((file.path, "--layout", "file"), "is a file already"),
        ((folder.path, "--layout", "folder"), "is a folder already"),
        ((file.path, "--layout", "folder", "--precision", "fp8"), "fp8"),
        ((file.path, file.path, "--layout", "folder"), "converts one model"),
        ((x4.path, "--layout", "folder"), "Stable Diffusion 1, 2 and XL become folders"),
    ):
        with pytest.raises(BadRequest, match=said):
            main([str(tmp_path / "new"), *arguments])
        assert not (tmp_path / "new").exists()
