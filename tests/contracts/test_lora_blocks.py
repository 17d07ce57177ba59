from __future__ import annotations

import pytest

from webui.contracts.lora_blocks import PRESETS, ROWS, block_of, parse_blocks, share_of_block
from webui.contracts.lora_keys import TEXT, UNET


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("conv_in", "IN00"),
        ("down_blocks_0_attentions_0_proj_in", "IN01"),
        ("down_blocks_0_downsamplers_0_conv", "IN03"),
        ("down_blocks_2_attentions_1_x", "IN08"),
        ("mid_block_attentions_0_x", "M00"),
        ("up_blocks_0_upsamplers_0_conv", "OUT02"),
        ("up_blocks_1_attentions_0_x", "OUT03"),
        ("up_blocks_3_resnets_2_conv1", "OUT11"),
        ("time_embedding_linear_1", None),
    ],
)
def test_layers_belong_to_the_blocks_of_the_original_network(name: str, block: str | None) -> None:
    assert block_of((UNET, name)) == block
    assert block_of((TEXT, name)) == "BASE"


@pytest.mark.parametrize(("count", "first", "last"), [(12, "IN04", "OUT05"), (17, "IN01", "OUT11"),
                                                       (20, "IN00", "OUT08"), (26, "IN00", "OUT11")])  # fmt: skip
def test_a_row_names_as_many_blocks_as_it_has_numbers(count: int, first: str, last: str) -> None:
    assert (len(ROWS[count]), ROWS[count][0]) == (count, "BASE")
    assert (ROWS[count][1], ROWS[count][-1]) == (first, last)


def test_presets_and_numbers_are_read() -> None:
    assert parse_blocks("outall") == (1, *[0] * 7, *[1] * 9)
    assert parse_blocks(",".join(["0.5"] * 12)) == (0.5,) * 12
    assert {len(row) for row in PRESETS.values()} == {17}
    for text in ("1,2,3", "MOST", "1,a"):
        with pytest.raises(ValueError, match="12, 17, 20, 26 numbers"):
            parse_blocks(text)


def test_a_block_that_a_row_leaves_out_is_off_and_what_is_in_none_is_on() -> None:
    row = PRESETS["ALL0.5"]
    assert share_of_block((UNET, "up_blocks_1_attentions_0_x"), row) == 0.5
    assert share_of_block((UNET, "down_blocks_0_downsamplers_0_conv"), row) == 0.0
    assert share_of_block((UNET, "time_embedding_linear_1"), row) == 1.0
    assert share_of_block((UNET, "up_blocks_1_attentions_0_x"), ()) == 1.0
