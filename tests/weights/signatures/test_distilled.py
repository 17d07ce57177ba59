"""Models of few steps are known by their names."""

from __future__ import annotations

import pytest

from webui.weights.signatures.distilled import distilled_defaults


@pytest.mark.parametrize(
    ("name", "sampler", "steps"),
    [
        ("sd_xl_turbo_1.0_fp16", "Euler a", 4),
        ("sdxl_lightning_4step", "Euler", 4),
        ("juggernautXL_v9Rdphoto2Lightning", "Euler", 8),
        ("LCM_Dreamshaper_v7", "LCM", 6),
        ("Hyper-SDXL-8steps", "TCD", 8),
        ("flux1-schnell", "Euler", 4),
    ],
)
def test_a_name_tells_what_suits_the_model(name: str, sampler: str, steps: int) -> None:
    found = dict(distilled_defaults(name))
    assert (found["sampler"], found["steps"], found["guidance_scale"]) == (sampler, steps, 1.0)


@pytest.mark.parametrize("name", ["sd_xl_base_1.0", "dreamshaper_8", "turbine", "v1-5-pruned", ""])
def test_other_names_tell_nothing(name: str) -> None:
    assert distilled_defaults(name) == ()
