from __future__ import annotations

import pytest

from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.ip_adapter_files import (
    IpShape,
    ip_adapter_shape,
    is_ip_adapter,
    resampler_name,
)

Shapes = dict[str, tuple[int, ...]]


def places(text: int = 768, count: int = 16) -> Shapes:
    """Keys and values for so many cross-attentions."""
    return {
        f"ip_adapter.{2 * i + 1}.{part}.weight": (320, text)
        for i in range(count)
        for part in ("to_k_ip", "to_v_ip")
    }


def published(layout: str) -> Shapes:
    """Of ip-adapter_sd15, ip-adapter-full-face_sd15 and ip-adapter-plus_sdxl_vit-h, in part."""
    if layout == "plain":
        own: Shapes = {"proj.weight": (3072, 1024), "norm.weight": (768,)}
    elif layout == "full":
        own = {"proj.0.weight": (1280, 1280), "proj.2.weight": (768, 1280), "proj.3.weight": (768,)}
    else:
        own = {"latents": (1, 16, 1280), "proj_in.weight": (1280, 1280)}
        own |= {f"layers.{i}.0.to_q.weight": (1280, 1280) for i in range(4)}
    text = 2048 if layout == "plus" else 768
    return {**{f"image_proj.{n}": s for n, s in own.items()}, **places(text, 2)}


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("plain", IpShape("plain", 1024, 768, 4, 0, (1, 3))),
        ("full", IpShape("full", 1280, 768, 0, 0, (1, 3))),
        ("plus", IpShape("plus", 1280, 2048, 16, 4, (1, 3))),
    ],
)
def test_sizes_are_read_from_shapes(layout: str, expected: IpShape) -> None:
    shapes = published(layout)
    assert is_ip_adapter(shapes)
    assert ip_adapter_shape(shapes) == expected


def test_attentions_are_in_the_order_of_their_numbers() -> None:
    shapes = published("plain") | places()
    assert ip_adapter_shape(shapes).places == tuple(range(1, 32, 2))


@pytest.mark.parametrize("mark", ["norm.weight", "perceiver_resampler.proj_in.weight"])
def test_one_that_reads_faces_is_refused(mark: str) -> None:
    shapes = {"image_proj.proj.0.weight": (1024, 512), f"image_proj.{mark}": (768,), **places()}
    with pytest.raises(NotAModel, match="FaceID"):
        ip_adapter_shape(shapes)


def test_an_unknown_projection_is_refused() -> None:
    with pytest.raises(NotAModel, match="not known"):
        ip_adapter_shape({"image_proj.other": (1,), **places()})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("ip_adapter.3.to_v_ip.weight", None),
        ("ip_adapter.3.to_v_ip.weight", (320, 9)),
        ("ip_adapter.1.to_k_ip.weight", (320, 0)),
        ("ip_adapter.1.to_k_ip.weight", (320,)),
        ("image_proj.proj.weight", (3072,)),
    ],
)
def test_impossible_shapes_are_a_broken_model(name: str, shape: tuple[int, ...] | None) -> None:
    shapes = published("plain")
    del shapes[name]
    with pytest.raises(BrokenModel, match="incomplete or of impossible shapes"):
        ip_adapter_shape(shapes | ({} if shape is None else {name: shape}))


def test_other_files_are_none() -> None:
    assert not is_ip_adapter({"image_proj.proj.weight": (1,)})
    assert not is_ip_adapter({"ip_adapter.1.to_k_ip.weight": (1,)})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("layers.11.0.norm2.bias", "layers.11.ln1.bias"),
        ("layers.0.0.to_out.weight", "layers.0.attn.to_out.0.weight"),
        ("layers.3.1.3.weight", "layers.3.ff.1.net.2.weight"),
        ("layers.3.1.9.weight", "layers.3.1.9.weight"),
        ("layers.3.0.else", "layers.3.0.else"),
        ("proj_in.weight", "proj_in.weight"),
    ],
)
def test_a_resamplers_layers_have_diffusers_names(theirs: str, ours: str) -> None:
    assert resampler_name(theirs) == ours
