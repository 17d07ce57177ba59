"""The published layouts become diffusers' names, weight by weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3
from tests.engine.flow_layout.published import FLUX, SD3, published
from webui.engine.flow_layout import flux, sd3
from webui.engine.packed.weight import Stored, unpacked


def check(found: Mapping[str, Stored], expected: Mapping[str, torch.Tensor]) -> None:
    assert set(found) == set(expected)
    for name, weight in expected.items():
        assert torch.equal(unpacked(found[name]), weight), name


@pytest.mark.parametrize(("make", "rules", "ours"), [(tiny_flux, FLUX, flux), (tiny_sd3, SD3, sd3)])
def test_every_weight_has_its_place_and_sizes_show(
    make: Callable[[], Any], rules: Any, ours: Any
) -> None:
    transformer = make().transformer
    file = published(transformer.state_dict(), rules)
    check(ours.converted(file), transformer.state_dict())
    for key, value in ours.sizes(file).items():
        assert transformer.config[key] == value, key


def test_stable_diffusion_3_is_read_as_diffusers_reads_it() -> None:
    file = published(tiny_sd3().transformer.state_dict(), SD3)
    check(sd3.converted(file), convert_sd3_transformer_checkpoint_to_diffusers(dict(file)))


def test_flux_is_read_as_diffusers_reads_it() -> None:
    """Their converter knows the true width alone: columns of that height, for only rows are moved."""
    with torch.device("meta"):
        network = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    columns = {
        n: torch.rand(w.shape[0], *[1] * (w.dim() - 1)) for n, w in network.state_dict().items()
    }
    file = published(columns, FLUX)
    check(flux.converted(file), convert_flux_transformer_checkpoint_to_diffusers(dict(file)))


def test_a_weight_of_the_wrong_height_is_an_error() -> None:
    file = published(tiny_flux().transformer.state_dict(), FLUX)
    file["double_blocks.0.img_attn.qkv.weight"] = torch.zeros(7, 16)
    with pytest.raises(ValueError, match="7 rows"):
        flux.converted(file)
