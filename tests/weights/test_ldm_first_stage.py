from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from webui.weights.ldm_first_stage import FirstStageShape


def shapes_of(sizes: StageSizes) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {
            name: tuple(weight.shape) for name, weight in FirstStage(sizes).state_dict().items()
        }


def test_a_first_stage_of_a_divergence_is_read() -> None:
    sizes = StageSizes(16, 128, (1, 1, 2, 2, 4), 2, (4,))
    shape = FirstStageShape.of(shapes_of(sizes))
    attends = (False, False, False, False, True)
    assert shape == FirstStageShape(
        16, (128, 128, 256, 256, 512), 2, attends, True, None, mixes=True
    )
    assert shape.factor == 16


def test_a_first_stage_may_be_without_layers_that_mix_its_channels() -> None:
    shapes = shapes_of(StageSizes(16, 128, (1, 1, 2, 2, 4), 2, (4,)))
    kept = {name: shape for name, shape in shapes.items() if "quant_conv" not in name}
    assert FirstStageShape.of(kept) == replace(FirstStageShape.of(shapes), mixes=False)


def test_a_first_stage_of_a_codebook_is_read() -> None:
    sizes = StageSizes(3, 128, (1, 2, 4), 2, codes=8192, middle_attends=False)
    shape = FirstStageShape.of(shapes_of(sizes))
    assert (shape.codes, shape.middle_attends, shape.factor) == (8192, False, 4)


def test_what_is_missing_or_does_not_fit_is_named() -> None:
    shapes = shapes_of(StageSizes())
    with pytest.raises(ValueError, match="latents of 5 channels that become 3"):
        FirstStageShape.of({**shapes, "post_quant_conv.weight": (3, 5, 1, 1)})
    del shapes["post_quant_conv.weight"]
    with pytest.raises(ValueError, match=r"no weight 'post_quant_conv\.weight'"):
        FirstStageShape.of(shapes)
