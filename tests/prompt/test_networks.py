"""Tags of extra networks, in all forms that AUTOMATIC1111 takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.contracts.errors import BadRequest
from webui.contracts.lora_blocks import PRESETS
from webui.prompt.networks import LoraTag, loras_in, network_tags, without_networks


@pytest.mark.parametrize(
    ("tag", "read"),
    [
        ("<lora:chalk>", LoraTag("chalk")),
        ("<lora:chalk:0.8>", LoraTag("chalk", 0.8, 0.8)),
        ("<lora:chalk:0.8:0.5>", LoraTag("chalk", unet=0.5, text_encoder=0.8)),
        ("<lora:chalk:0.8:0.5:8>", LoraTag("chalk", 0.5, 0.8, 8)),
        ("<lora:chalk:te=0.8>", LoraTag("chalk", 0.8, 0.8)),
        ("<lora:chalk:unet=0.5>", LoraTag("chalk", 0.5, 1.0)),
        ("<lora:chalk:0.8:te=0.3:unet=1:dyn=4>", LoraTag("chalk", 1.0, 0.3, 4)),
        ("<lora:chalk:0.8:unet=0>", LoraTag("chalk", 0.0, 0.8)),
        ("<LoRA: old map :-1.5>", LoraTag("old map", -1.5, -1.5)),
        ("<lyco:chalk:2>", LoraTag("chalk", 2.0, 2.0)),
        ("<lora:box/chalk:1>", LoraTag("box/chalk")),
        ("<lora:chalk:1:lbw=outall>", LoraTag("chalk", blocks=PRESETS["OUTALL"])),
        ("<lora:chalk:1:lbw=" + "0.5," * 11 + "1>", LoraTag("chalk", blocks=(*[0.5] * 11, 1.0))),
        ("<lora:chalk:1:start=5:stop=0.8>", LoraTag("chalk", start="5", stop="0.8")),
        ("<lora:chalk:1:step=5-20>", LoraTag("chalk", start="5", stop="20")),
    ],
)
def test_every_form_is_read(tag: str, read: LoraTag) -> None:
    assert loras_in(f"a boat {tag}, at sea") == (read,)


def test_several_are_read_in_order_and_twice_is_twice() -> None:
    tags = loras_in("<lora:b:1> a <lora:a:1><lora:b:0.5>")
    assert [(tag.name, tag.unet) for tag in tags] == [("b", 1.0), ("a", 1.0), ("b", 0.5)]


def test_tags_are_taken_out_and_other_angle_brackets_stay() -> None:
    assert without_networks("a <lora:x:1>boat <3 <b:c> <hypernet:y:1>!") == "a boat <3 <b:c> !"


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("<lora:chalk:much>", "has the weight 'much'; expected was a number"),
        ("<lora::1>", "names no LoRA"),
        ("<lora:chalk:1:1:1:1>", "has 4 values"),
        (
            "<lora:chalk:size=3>",
            "has an argument 'size'; expected was te, unet, dyn, lbw, start, stop, step",
        ),
        ("<lora:chalk:dyn=0>", "has dyn=0; expected was a whole number"),
        ("<lora:chalk:1:lbw=1,2>", "has lbw=1,2; expected was 12, 17, 20, 26 numbers"),
        ("<lora:chalk:1:step=5>", "has step=5; expected was two steps"),
        ("<lora:chalk:1:start=early>", "has the step 'early'; expected was a step"),
        ("<hypernet:old:1:2>", "is no name with a weight; expected was <hypernet:name:0.8>"),
        ("<hypernet:old:much>", "has the weight 'much'; expected was a number"),
    ],
)
def test_a_tag_that_cannot_be_used_gets_a_sentence(tag: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says.replace("?", r"\?")):
        loras_in(f"a boat {tag}")


@given(st.text(alphabet="ab<>:=lora.1 te", max_size=80))
def test_reading_fails_with_a_sentence_or_not_at_all(prompt: str) -> None:
    try:
        tags = loras_in(prompt)
    except BadRequest:
        return
    assert len(tags) == len(network_tags(prompt))


@pytest.mark.parametrize("word", ["hypernet", "hypernetwork"])
def test_a_hypernetwork_is_named_with_its_weight(word: str) -> None:
    assert loras_in(f"a boat <{word}:anime:0.6>") == (
        LoraTag("anime", 0.6, 0.6, kind="hypernetwork"),
    )
    assert loras_in(f"<{word}:anime>")[0].unet == 1.0
