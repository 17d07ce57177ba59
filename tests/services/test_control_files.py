from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_weights
from tests.weights.test_control_files import original
from tests.weights.test_t2i_files import published
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.services.catalog import Catalog
from webui.services.control_files import describe_control_file, reads_of


def small() -> dict[str, list[int]]:
    return {name: list(shape) for name, shape in original((8, 8), width=768).items()}


def test_a_single_file_is_a_controlnet_in_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "ControlNet" / "control_v11p_sd15_canny.safetensors"
    write_weights(file, small())
    (info,) = Catalog([tmp_path]).adapters("controlnet")
    assert (info.id, info.path) == ("ControlNet/control_v11p_sd15_canny", str(file))
    assert (info.reads, info.base, info.text_width) == ("edges", "SD 1", 768)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    write_weights(file, small())
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BrokenModel, match="incomplete"):
        describe_control_file(file, AdapterId("a"))


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("control_v11f1p_sd15_depth", "depth"),
        ("control_v11p_sd15s2_lineart_anime", "lines"),
        ("control-lora-recolor-rank128", "grey"),
        ("t2i", ""),
    ],
)
def test_what_it_reads_is_guessed_from_its_name(name: str, reads: str) -> None:
    assert reads_of(name) == reads


@pytest.mark.parametrize(("cell", "base"), [(8, ""), (16, "SDXL")])
def test_a_t2i_adapter_is_chosen_like_a_controlnet(tmp_path: Path, cell: int, base: str) -> None:
    file = tmp_path / "t2i_adapter" / "t2iadapter_sketch.safetensors"
    write_weights(file, {name: list(shape) for name, shape in published(cell).items()})
    (info,) = Catalog([tmp_path]).adapters("controlnet")
    assert (info.id, info.is_t2i) == ("t2i_adapter/t2iadapter_sketch", True)
    assert (info.reads, info.base) == ("scribble", base)


def control_lora(rank: int, width: int) -> dict[str, list[int]]:
    """In part, of Stability's files: factors where a whole controlnet has layers."""
    shapes: dict[str, list[int]] = {
        "lora_controlnet": [0],
        "middle_block_out.0.weight": [1280, 1280, 1, 1],
    }
    for name, shape in small().items():
        if "attn2.to_k" in name:
            own = name.removesuffix(".weight")
            shapes |= {f"{own}.up": [8, rank], f"{own}.down": [rank, width]}
        else:
            shapes[name] = shape
    return shapes


@pytest.mark.parametrize(("width", "base"), [(768, "SD 1"), (2048, "SDXL")])
def test_a_control_lora_is_chosen_like_a_controlnet(tmp_path: Path, width: int, base: str) -> None:
    file = tmp_path / "controlnet" / "control-lora-canny-rank128.safetensors"
    write_weights(file, control_lora(128, width))
    (info,) = Catalog([tmp_path]).adapters("controlnet")
    assert (info.id, info.reads) == ("controlnet/control-lora-canny-rank128", "edges")
    assert (info.base, info.text_width, info.is_t2i, info.kinds) == (base, width, False, ())


def test_a_control_lora_that_lacks_what_it_says_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    shapes = control_lora(4, 768)
    del shapes["middle_block_out.0.weight"]
    write_weights(file, shapes)
    with pytest.raises(BrokenModel, match="The Control-LoRA is incomplete"):
        describe_control_file(file, AdapterId("a"))
