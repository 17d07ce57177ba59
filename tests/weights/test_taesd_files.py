from __future__ import annotations

from pathlib import Path

import pytest

from webui.weights.taesd_files import base_of, encoder_beside, latent_channels, taesd_names

ENCODER = {"0.weight": (64, 3, 3, 3), "1.conv.0.weight": (64, 64, 3, 3), "14.bias": (4,)}
DECODER = {"1.weight": (64, 4, 3, 3), "3.conv.0.weight": (64, 64, 3, 3), "19.bias": (3,)}
NAMED = {
    "encoder.layers.0.weight", "encoder.layers.1.conv.0.weight", "encoder.layers.14.bias",
    "decoder.layers.0.weight", "decoder.layers.2.conv.0.weight", "decoder.layers.18.bias",
}  # fmt: skip


@pytest.mark.parametrize(
    ("left", "right"), [("encoder.", "decoder."), ("taesd_encoder.", "taesd_decoder.")]
)
def test_both_sides_in_one_file_are_named_as_diffusers_does(left: str, right: str) -> None:
    shapes = {left + n: s for n, s in ENCODER.items()} | {right + n: s for n, s in DECODER.items()}
    names = taesd_names({**shapes, "vae_scale": ()})
    assert set(names) == NAMED
    assert names["decoder.layers.2.conv.0.weight"] == right + "3.conv.0.weight"


def test_a_side_in_a_file_of_its_own_is_known_by_its_shapes() -> None:
    assert set(taesd_names(ENCODER)) | set(taesd_names(DECODER)) == NAMED
    assert (latent_channels(ENCODER), latent_channels(DECODER)) == (0, 4)


def test_diffusers_names_stay() -> None:
    shapes = {
        "decoder.layers.0.weight": (64, 16, 3, 3),
        "decoder.layers.2.conv.0.weight": (64,) * 4,
    }
    assert taesd_names(shapes) == {name: name for name in shapes}
    assert latent_channels(shapes) == 16


def test_a_whole_first_stage_is_none() -> None:
    assert taesd_names({"decoder.conv_in.weight": (512, 4, 3, 3)}) == {}


@pytest.mark.parametrize(
    ("name", "channels", "base"),
    [
        ("vae_approx/taesd_decoder", 4, "SD 1"),
        ("VAE-taesd/taesdxl_decoder", 4, "SDXL"),
        ("vae_approx/taesd3_decoder", 16, "SD 3"),
        ("vae_approx/taef1_decoder", 16, "FLUX"),
        ("vae/tae-sdxl/taesdxl", 4, "SDXL"),
        ("vae/other", 16, ""),
        ("vae/other", 32, ""),
    ],
)
def test_its_name_says_whose_latents_it_knows(name: str, channels: int, base: str) -> None:
    assert base_of(name, channels) == base


def test_an_encoder_belongs_to_the_decoder_beside_it(tmp_path: Path) -> None:
    decoder = tmp_path / "taesd_decoder.pth"
    assert encoder_beside(decoder) is None
    (tmp_path / "taesd_encoder.pth").write_bytes(b"")
    assert encoder_beside(decoder) == tmp_path / "taesd_encoder.pth"
    assert encoder_beside(tmp_path / "taesd.pth") is None
