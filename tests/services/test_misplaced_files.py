from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_weights
from tests.weights.test_control_files import original
from tests.weights.test_ip_adapter_files import published
from tests.weights.test_t2i_files import published as t2i
from webui.contracts.errors import NotAModel
from webui.contracts.ids import ModelId
from webui.services.misplaced_files import misplaced
from webui.services.single_file import describe_file

Shapes = dict[str, tuple[int, ...]]


@pytest.mark.parametrize(
    ("what", "folder", "shapes"),
    [
        ("a LoRA", "loras", {"lora_unet_mid_block_x.lora_down.weight": (4, 8)}),
        ("a LoRA", "loras", {"lora_unet_mid_block_x.oft_blocks": (4, 2, 2)}),
        ("a controlnet", "controlnet", original((8, 8))),
        ("a T2I-Adapter", "controlnet", t2i(8)),
        ("an IP-Adapter", "controlnet", published("plain")),
        (
            "a first stage (VAE)",
            "vae",
            {"decoder.conv_in.weight": (8, 4, 3, 3), "encoder.conv_in.weight": (8, 3, 3, 3)},
        ),
        ("an image encoder of CLIP", "image_encoders", {"visual_projection.weight": (8, 8)}),
        ("an embedding", "embeddings", {"emb_params": (2, 768)}),
    ],
)
def test_an_adapter_among_models_is_told_its_folder(
    tmp_path: Path, what: str, folder: str, shapes: Shapes
) -> None:
    write_weights(tmp_path / "a.safetensors", {name: list(shape) for name, shape in shapes.items()})
    with pytest.raises(NotAModel) as error:
        describe_file(tmp_path / "a.safetensors", ModelId("a"))
    assert str(error.value) == (
        f"It is {what}, and lies where models do. Put it into a folder {folder!r}."
    )


def test_what_is_nothing_that_we_know_is_nothing_misplaced() -> None:
    assert misplaced({"strange.weight": (8, 8)}) is None
