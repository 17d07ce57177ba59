"""The header of a LoRA's file says which models it is for and which words call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.services.models import write_lora, write_weights
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.lora_files import describe_lora

_A = AdapterId("a")
_TO_K = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"


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
    with pytest.raises(NotAModel, match="in no dialect of LoRA"):
        describe_lora(write_lora(tmp_path / "x.safetensors", "vera_b"), _A)


@pytest.mark.parametrize(
    "shapes",
    [
        {f"lora_unet_{_TO_K}.weight": [320], f"lora_unet_{_TO_K}.on_input": [1]},
        {"base_model.model.unet.mid_block.attn2.to_k.ia3_l": [320, 1]},
    ],
)
def test_a_file_of_ia3_alone_is_known(tmp_path: Path, shapes: dict[str, list[int]]) -> None:
    write_weights(tmp_path / "x.safetensors", shapes)
    assert describe_lora(tmp_path / "x.safetensors", _A).kind == "lora"


def test_turns_of_peft_without_their_configuration_are_named(tmp_path: Path) -> None:
    with pytest.raises(LacksFile, match="It is an OFT of PEFT"):
        describe_lora(write_lora(tmp_path / "x.safetensors", "oft_R"), _A)


def test_a_damaged_lora_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="no whole header"):
        describe_lora(tmp_path / "x.safetensors", _A)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ([80, 4, 4], "lora_unet_{}.oft_blocks"),
        ([3, 80, 4, 4], "lora_unet_{}.oft_blocks"),
        ([4, 80, 80], "oft_unet_{}.oft_blocks"),
        ([80, 4, 4], "lora_unet_{}.oft_diag"),
    ],
)
def test_turns_are_known_by_their_blocks(tmp_path: Path, shape: list[int], name: str) -> None:
    write_weights(
        tmp_path / "x.safetensors",
        {name.format(_TO_K): shape},
        metadata={"ss_base_model_version": "sd_v1"},
    )
    assert describe_lora(tmp_path / "x.safetensors", _A).base == "SD 1"


@pytest.mark.parametrize(
    ("width", "base"),
    [(768, "SD 1"), (1024, "SD 2"), (2048, "SDXL"), (1280, "SDXL refiner"), (99, "")],
)
@pytest.mark.parametrize("dialect", ["lora", "peft", "loha", "lokr", "full"])
def test_what_it_is_for_shows_in_the_width_of_its_text(
    tmp_path: Path, width: int, base: str, dialect: str
) -> None:
    place = f"lora_unet_{_TO_K}"
    shapes: dict[str, dict[str, list[int]]] = {
        "lora": {f"{place}.lora_down.weight": [4, width], f"{place}.lora_up.weight": [320, 4]},
        "peft": {"unet.mid_block.attn2.to_v.lora_A.weight": [4, width],
                 "unet.mid_block.attn2.to_v.lora_B.weight": [320, 4]},
        "loha": {f"{place}.hada_w1_a": [320, 4], f"{place}.hada_w1_b": [4, width]},
        "lokr": {f"{place}.lokr_w1": [4, 1], f"{place}.lokr_w2_a": [80, 4],
                 f"{place}.lokr_w2_b": [4, width]},
        "full": {f"{place}.diff": [320, width]},
    }  # fmt: skip
    write_weights(tmp_path / "x.safetensors", shapes[dialect])
    info = describe_lora(tmp_path / "x.safetensors", _A)
    assert (info.base, info.text_width) == (base, width)


@pytest.mark.parametrize(
    ("shape", "width"),
    [([24, 496], 768), ([64, 496], 2048), ([1, 496], 0), ([24, 497], 0), ([24, 0], 0), ([24], 0)],
    ids=["SD 1", "SDXL", "one block for all", "no block", "no numbers", "no rows"],
)
def test_turned_inputs_of_text_show_its_width(tmp_path: Path, shape: list[int], width: int) -> None:
    write_weights(tmp_path / "x.safetensors", {"unet.mid_block.attn2.to_k.oft_R.weight": shape})
    said = {"peft_type": "OFT", "use_cayley_neumann": False, "eps": 6e-5}
    (tmp_path / "adapter_config.json").write_text(json.dumps(said))
    assert describe_lora(tmp_path / "x.safetensors", _A).text_width == width


@pytest.mark.parametrize(
    ("name", "said", "base", "width"),
    [
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", {}, "SDXL", 2048),
        ("lora_unet_double_blocks_0_img_attn_proj", {}, "FLUX", 4096),
        ("lora_unet_joint_blocks_0_x_block_attn_proj", {}, "SD 3", 4096),
        ("lora_te_x", {"ss_base_model_version": "sd_v1"}, "SD 1", 768),
        ("lora_te_x", {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "SDXL", 2048),
        ("lora_te_x", {}, "", 0),
    ],
)
def test_what_it_is_for_shows_in_its_names_or_its_header(
    tmp_path: Path, name: str, said: dict[str, str], base: str, width: int
) -> None:
    shapes = {f"{name}.lora_down.weight": [4, 64], f"{name}.lora_up.weight": [64, 4]}
    write_weights(tmp_path / "x.safetensors", shapes, metadata=said)
    info = describe_lora(tmp_path / "x.safetensors", _A)
    assert (info.base, info.text_width) == (base, width)


def test_its_words_and_its_training_are_shown(tmp_path: Path) -> None:
    said = {
        "modelspec.trigger_phrase": "chalk style, on slate",
        "ss_tag_frequency": json.dumps({"1_a": {"tree ": 3, "house": 9}, "2_b": {"tree": 8}}),
        "ss_network_dim": "32", "ss_sd_model_name": "None", "sshs_model_hash": "ab" * 32,
    }  # fmt: skip
    info = describe_lora(write_lora(tmp_path / "x.safetensors", "lora_A", **said), _A)
    assert info.trigger_words == ("chalk style", "on slate")
    assert info.tags == ("tree", "house")
    assert info.training == (("Rank", "32"),)
    assert info.hash == "ab" * 32


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 3}', '{"a": {"b": "c"}}', "[" * 9999])
def test_a_damaged_count_of_words_is_no_reason_to_refuse(tmp_path: Path, text: str) -> None:
    said = {"ss_tag_frequency": text}
    assert describe_lora(write_lora(tmp_path / "x.safetensors", "lora_A", **said), _A).tags == ()
