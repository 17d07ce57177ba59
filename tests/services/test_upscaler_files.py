from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_weights
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.catalog import Catalog
from webui.services.upscaler_files import describe_upscaler


def test_a_network_in_a_folder_of_upscalers_is_one(tmp_path: Path) -> None:
    file = tmp_path / "ESRGAN" / "4x_tiny.safetensors"
    write_weights(file, {"model.0.weight": [8, 3, 3, 3]})
    (info,) = Catalog([tmp_path]).adapters("upscaler")
    assert (info.id, info.title, info.kind) == ("ESRGAN/4x_tiny", "4x_tiny", "upscaler")


@pytest.mark.parametrize("name", ["model.diffusion_model.x", "lora_unet_x.lora_down.weight"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    write_weights(tmp_path / "a.safetensors", {name: [8, 3, 3, 3]})
    with pytest.raises(NotAModel, match="as no upscaler does"):
        describe_upscaler(tmp_path / "a.safetensors", AdapterId("a"))
