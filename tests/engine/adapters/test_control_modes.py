"""Who counts more: what a control says fades outwards, and in one mode the negative prompt is not steered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.adapters.test_controlnet import latent_of
from tests.engine.library import Library, save_picture
from webui.contracts.conditions import BALANCED, CONTROL_FIRST, PROMPT_FIRST
from webui.engine.adapters.control import Control, residuals
from webui.engine.adapters.control_modes import connection_shares, level_shares
from webui.engine.adapters.controlnet import Inputs, load_control

CPU = torch.device("cpu")
NEGATIVE = [[False, True]]


def said(library: Library, mode: str, weight: float = 1.0) -> tuple[list[Tensor], Tensor]:
    """What is added to the connections and to the middle, of a prompt's row and the negative prompt's."""
    net = load_control(library.control(), CPU)
    generator = torch.Generator().manual_seed(0)
    config: Any = net.net.config
    width = config.cross_attention_dim
    x, tokens = (torch.randn(2, *s, generator=generator) for s in ((4, 16, 16), (77, width)))
    control = Control(net, torch.rand(1, 3, 32, 32, generator=generator), weight, mode=mode)
    with torch.inference_mode():
        shown = Inputs(x, torch.tensor([500.0, 500.0]), tokens)
        given: dict[str, Any] = residuals([[control]], NEGATIVE, shown, torch.float32, False)
    return given["down_block_additional_residuals"], given["mid_block_additional_residual"]


@pytest.mark.parametrize("mode", [PROMPT_FIRST, CONTROL_FIRST])
def test_what_is_said_fades_from_the_middle_outwards(library: Library, mode: str) -> None:
    (plain, middle), (faded, kept) = said(library, BALANCED), said(library, mode)
    assert torch.equal(middle[0], kept[0])
    count = len(plain)
    for place, (before, after) in enumerate(zip(plain, faded, strict=True)):
        share = 0.825 ** (count - place)
        assert torch.allclose(after[0], before[0] * share, atol=1e-6)
    assert connection_shares(mode, 13)[0] == pytest.approx(0.825**12)


def test_the_negative_prompt_is_steered_but_where_the_control_counts_more(
    library: Library,
) -> None:
    for mode, steered in ((BALANCED, True), (PROMPT_FIRST, True), (CONTROL_FIRST, False)):
        down, middle = said(library, mode, 0.5)
        assert bool(middle[1].any()) is steered
        assert all(bool(each[1].any()) is steered for each in down)


def test_a_t2i_adapter_fades_by_its_levels() -> None:
    assert list(level_shares(BALANCED, 4)) == [1.0] * 4
    assert list(level_shares(PROMPT_FIRST, 4)) == [0.25, 0.62, 0.825, 1.0]


def test_each_mode_draws_another_picture(library: Library, tmp_path: Path) -> None:
    hint = save_picture(tmp_path / "hint.png")
    uses: list[dict[str, Any]] = [
        {"mode": mode} for mode in (BALANCED, PROMPT_FIRST, CONTROL_FIRST)
    ]
    balanced, prompt, control = (latent_of(library, hint, (library.control(), use)) for use in uses)
    assert torch.equal(balanced, latent_of(library, hint, (library.control(), {})))
    for a, b in ((balanced, prompt), (balanced, control), (prompt, control)):
        assert not torch.allclose(a, b, atol=1e-3)
