from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.models import write_weights
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.catalog import Catalog
from webui.services.vae_files import describe_vae


@pytest.mark.parametrize(
    "name", ["decoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight"]
)
def test_a_first_stage_in_its_folder_is_one(tmp_path: Path, name: str) -> None:
    write_weights(tmp_path / "VAE" / "vae-ft-mse.safetensors", {name: [8, 4, 3, 3]})
    (info,) = Catalog([tmp_path]).adapters("vae")
    assert (info.id, info.title) == ("VAE/vae-ft-mse", "vae-ft-mse")


def test_other_files_are_refused(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", {"a": [3]})
    with pytest.raises(NotAModel, match="is no TAESD and holds neither"):
        describe_vae(tmp_path / "a.safetensors", AdapterId("a"))


def test_a_decoder_of_taesd_is_one_and_its_encoder_a_part_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "vae_approx"
    sides = {
        "encoder": ("0.weight", 3, "1.conv.0.weight"),
        "decoder": ("1.weight", 4, "3.conv.0.weight"),
    }
    for side, (first, colours, block) in sides.items():
        shapes = {first: [64, colours, 3, 3], block: [64, 64, 3, 3]}
        write_weights(folder / f"taesdxl_{side}.safetensors", shapes)
    catalog = Catalog([tmp_path])
    (info,) = catalog.adapters("vae")
    assert (info.id, info.base, info.is_tiny) == ("vae_approx/taesdxl_decoder", "SDXL", True)
    assert catalog.problems() == ()
