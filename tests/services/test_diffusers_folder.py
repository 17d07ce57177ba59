"""A folder's JSON and headers say all that is needed, and say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_json, write_model, write_weights
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
    write_json(folder / "model_index.json", {"_class_name": "FluxPipeline"})
    with pytest.raises(NotAModel, match="'FluxPipeline'"):
        describe_folder(folder, _M)


def test_an_inpainting_network_is_refused_with_its_channels(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="takes 9 channels"):
        describe_folder(write_model(tmp_path / "m", in_channels=9), _M)


def test_an_impossible_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="sample_size"):
        describe_folder(write_model(tmp_path / "m", sample_size="big"), _M)
