"""Networks stand in memory as their kernels like it, whatever the family."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from tests.engine.library import Library
from webui.contracts.checkpoint import Task
from webui.engine.packed.on_processor import ReorderedConv2d


@pytest.mark.parametrize("task", ["text", "layout", "upscale"])
def test_convolutions_lie_as_they_are_read_and_attention_is_fused(
    library: Library, task: Task
) -> None:
    model = library.model(task)
    parts: list[Any] = [model.unet, model.vae, model.text_encoder, model.layout_encoder]
    modules = [m for part in parts if part is not None for m in part.modules()]
    convolutions = {type(m) for m in modules if isinstance(m, nn.Conv2d)}
    assert convolutions == {ReorderedConv2d}
    attentions = [m for m in modules if hasattr(m, "processor")]
    assert attentions
    assert {type(m.processor).__name__ for m in attentions} == {"AttnProcessor2_0"}
    if model.text_encoder is not None:
        config: Any = model.text_encoder.config
        assert config._attn_implementation == "sdpa"
