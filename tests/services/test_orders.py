"""What the worker is told of a job: every adapter that its request names, and who shows its latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.models import write_weights
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import UnknownAdapter
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.orders import adapters_of, preview_for


def write_taesd(file: Path, channels: int) -> None:
    """A lone decoder's header."""
    shapes = {"1.weight": [64, channels, 3, 3], "3.conv.0.weight": [64, 64, 3, 3]}
    write_weights(file, shapes)


def model(family: str, channels: int, factor: int = 8) -> CheckpointInfo:
    return replace(FAKE_CHECKPOINT, family=family, latent_channels=channels, latent_factor=factor)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name, channels in (("taesd", 4), ("taesdxl", 4), ("taesd3", 16), ("taef1", 16)):
        write_taesd(tmp_path / "vae_approx" / f"{name}_decoder.safetensors", channels)
    write_weights(tmp_path / "vae" / "own.safetensors", {"decoder.conv_in.weight": [8, 4, 3, 3]})
    write_weights(
        tmp_path / "upscalers" / "sharp.safetensors",
        {"body.0.weight": [64, 3, 3, 3], "body.1.weight": [64]},
    )
    return Catalog([tmp_path])


@pytest.mark.parametrize(
    ("family", "channels", "shown"),
    [("sd1", 4, "taesd"), ("sdxl", 4, "taesdxl"), ("sd3", 16, "taesd3"), ("flux", 16, "taef1")],
)
def test_each_family_is_shown_by_its_own(
    catalog: Catalog, family: str, channels: int, shown: str
) -> None:
    info = preview_for(model(family, channels), catalog)
    assert info is not None
    assert info.id == f"vae_approx/{shown}_decoder"


@pytest.mark.parametrize(
    ("family", "channels", "factor"), [("sd1", 12, 8), ("sd1", 4, 4), ("ldm", 4, 8)]
)
def test_latents_of_other_first_stages_are_shown_by_none(
    catalog: Catalog, family: str, channels: int, factor: int
) -> None:
    assert preview_for(model(family, channels, factor), catalog) is None


def test_a_first_stage_and_upscalers_are_among_what_the_worker_is_told_of(catalog: Catalog) -> None:
    request = GenerationRequest(
        prompt="a house", vae="vae/own", hires_scale=2.0, hires_upscaler="upscalers/sharp"
    )
    assert [(a.id, a.kind) for a in adapters_of(request, catalog)] == [
        ("vae/own", "vae"),
        ("upscalers/sharp", "upscaler"),
    ]


def test_a_hypernetwork_of_the_prompt_is_among_it(catalog: Catalog, tmp_path: Path) -> None:
    layer = {"768.0.linear.0.weight": [4, 768]}
    write_weights(tmp_path / "hypernetworks" / "anime.safetensors", layer)
    use = {"adapter": "hypernetworks/anime", "kind": "hypernetwork"}
    text = {"prompt": "a", "negative_prompt": "", "loras": [use]}
    request = GenerationRequest.model_validate({"prompt": "a", "texts": [text]})
    (info,) = adapters_of(request, catalog)
    assert (info.kind, info.base) == ("hypernetwork", "SD 1")


def test_one_that_is_gone_is_named(catalog: Catalog) -> None:
    with pytest.raises(UnknownAdapter, match="vae/gone"):
        adapters_of(GenerationRequest(prompt="a", vae="vae/gone"), catalog)
