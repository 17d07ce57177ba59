from __future__ import annotations

import pytest

from webui.contracts.errors import BrokenModel
from webui.weights.t2i_files import T2iShape, t2i_names, t2i_shape

Shapes = dict[str, tuple[int, ...]]


def published(cell: int = 8, colours: int = 3) -> Shapes:
    """Of the published adapters for SD 1 (pixels 8) and SDXL (16), in the original layout."""
    widths = (320, 640, 1280, 1280)
    shapes: Shapes = {"conv_in.weight": (320, colours * cell**2, 3, 3), "conv_in.bias": (320,)}
    for block in range(8):
        wide = widths[block // 2]
        shapes[f"body.{block}.block1.weight"] = (wide, wide, 3, 3)
        shapes[f"body.{block}.block2.weight"] = (wide, wide, 1, 1)
    shapes["body.2.in_conv.weight"] = (640, 320, 1, 1)
    shapes["body.4.in_conv.weight"] = (1280, 640, 1, 1)
    return shapes


def light() -> Shapes:
    """Of the published adapter of colours."""
    shapes: Shapes = {}
    for level, (before, wide) in enumerate(((192, 320), (320, 640), (640, 1280), (1280, 1280))):
        inner = wide // 4
        shapes[f"body.{level}.in_conv.weight"] = (inner, before, 1, 1)
        shapes[f"body.{level}.out_conv.weight"] = (wide, inner, 1, 1)
        for block in range(4):
            shapes[f"body.{level}.body.{block}.block1.weight"] = (inner, inner, 3, 3)
    return shapes


@pytest.mark.parametrize("prefix", ["", "adapter."])
@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (published(), T2iShape("full_adapter", 3, (320, 640, 1280, 1280), 2, 8)),
        (published(8, 1), T2iShape("full_adapter", 1, (320, 640, 1280, 1280), 2, 8)),
        (published(16), T2iShape("full_adapter_xl", 3, (320, 640, 1280, 1280), 2, 16)),
        (light(), T2iShape("light_adapter", 3, (320, 640, 1280), 4, 8)),
    ],
)
def test_the_sizes_of_published_adapters_are_read(
    shapes: Shapes, expected: T2iShape, prefix: str
) -> None:
    assert t2i_shape({prefix + name: shape for name, shape in shapes.items()}) == expected


def test_blocks_in_a_row_are_told_apart_by_level() -> None:
    names = t2i_names(published())
    assert names["body.1.in_conv.weight"] == "body.2.in_conv.weight"
    assert names["body.3.resnets.1.block2.weight"] == "body.7.block2.weight"


def test_a_missing_tensor_is_named() -> None:
    shapes = light()
    del shapes["body.2.out_conv.weight"]
    with pytest.raises(BrokenModel, match=r"body\.2\.out_conv\.weight"):
        t2i_shape(shapes)


def test_other_networks_are_none() -> None:
    assert t2i_names({"conv_in.weight": (320, 4, 3, 3), "down_blocks.0.a.weight": (1,)}) == {}
