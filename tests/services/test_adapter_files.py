"""The files of controlnets and LoRAs say what the menu needs, and say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_controlnet, write_lora
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import describe_controlnet, describe_lora

_A = AdapterId("a")


def test_a_controlnet_is_described_from_its_folder(tmp_path: Path) -> None:
    folder = write_controlnet(tmp_path / "edges", reads="edges")
    (folder / "README.md").write_text("# Follow edges\n\nReads white lines on black. And more.\n")
    info = describe_controlnet(folder, _A)
    assert info is not None
    assert (info.kind, info.title, info.reads) == ("controlnet", "Follow edges", "edges")
    assert (info.description, info.path) == ("Reads white lines on black.", str(folder))
    assert info.bytes == (folder / "diffusion_pytorch_model.safetensors").stat().st_size


def test_a_controlnet_need_not_say_what_it_reads(tmp_path: Path) -> None:
    info = describe_controlnet(write_controlnet(tmp_path / "edges"), _A)
    assert info is not None
    assert (info.title, info.reads) == ("edges", "")


def test_another_network_is_no_controlnet(tmp_path: Path) -> None:
    assert describe_controlnet(write_controlnet(tmp_path / "x", kind="VQModel"), _A) is None


def test_a_controlnet_that_reads_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"'reads' of easel\.json is 7"):
        describe_controlnet(write_controlnet(tmp_path / "x", reads=7), _A)


def test_a_truncated_controlnet_is_named(tmp_path: Path) -> None:
    folder = write_controlnet(tmp_path / "x")
    file = folder / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BrokenModel, match="may be incomplete"):
        describe_controlnet(folder, _A)


@pytest.mark.parametrize("mark", ["lora_A", "lora_B", "lora_down", "lora_up"])
def test_a_lora_is_known_by_its_tensors(tmp_path: Path, mark: str) -> None:
    file = write_lora(tmp_path / "chalk.v2.safetensors", mark)
    info = describe_lora(file, _A)
    assert (info.kind, info.title, info.path) == ("lora", "chalk.v2", str(file))
    assert info.bytes == file.stat().st_size


def test_a_loras_title_and_description_are_those_of_modelspec(tmp_path: Path) -> None:
    said = {"modelspec.title": "Chalk", "modelspec.description": "White lines."}
    info = describe_lora(write_lora(tmp_path / "x.safetensors", "lora_A", **said), _A)
    assert (info.title, info.description) == ("Chalk", "White lines.")


def test_other_weights_are_no_lora(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="none of its tensors"):
        describe_lora(write_lora(tmp_path / "x.safetensors", "hada_w1_a"), _A)


def test_a_damaged_lora_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="no whole header"):
        describe_lora(tmp_path / "x.safetensors", _A)
