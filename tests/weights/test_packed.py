"""Which weights are packed shows in names and types."""

from __future__ import annotations

from webui.weights.header import TensorInfo, WeightsHeader
from webui.weights.packed import count_packed, find_scales


def _header(**tensors: tuple[str, tuple[int, ...]]) -> WeightsHeader:
    named = {name.replace("__", "."): TensorInfo(*what, 0) for name, what in tensors.items()}
    return WeightsHeader("safetensors", named, {}, 0)


def test_scales_and_what_belongs_to_them_are_no_weights() -> None:
    scales = find_scales(
        _header(
            a__weight=("F8_E4M3", (2, 3)), a__scale_weight=("F32", ()), a__scale_input=("F32", ()),
            b__weight=("F8_E5M2", (2, 3)), b__weight_scale=("F32", (1,)), scaled_fp8=("F8_E4M3", (0,)),
        )
    )  # fmt: skip
    assert scales.of == {"a.weight": "a.scale_weight", "b.weight": "b.weight_scale"}
    assert scales.unseen == {"a.scale_weight", "a.scale_input", "b.weight_scale", "scaled_fp8"}


def test_a_scale_of_its_own_right_is_a_weight() -> None:
    assert not find_scales(_header(scale_weight=("F8_E4M3", (2,)))).unseen
    assert not find_scales(_header(a__weight=("F16", (2, 3)), a__scale_weight=("F16", ()))).unseen


def test_packed_matrices_below_a_prefix_are_counted() -> None:
    header = _header(
        u__a__weight=("Q4_K", (4, 256)), u__b__weight=("Q8_0", (4, 2, 4, 4)), u__c__weight=("F16", (2, 2)),
        u__d__weight=("F8_E4M3", (3, 3)), u__d__scale_weight=("F32", ()), u__e__weight=("F8_E4M3", (9, 9)),
        v__a__weight=("Q4_K", (4, 256)),
    )  # fmt: skip
    assert count_packed(header, "u.") == 4 * 256 + 9
