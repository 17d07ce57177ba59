from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.contracts.errors import BadRequest
from webui.prompt.lora_timeline import Pass, timed_loras
from webui.prompt.networks import loras_in

FIRST, SECOND = Pass(0, 20), Pass(1, 10, after=20)


@pytest.mark.parametrize(
    ("prompt", "during"),
    [
        ("a boat <lora:a:1>", ()),
        ("[<lora:a:1>:0.5]", ((0.5, 2.0),)),
        ("[<lora:a:1>::0.5]", ((0.0, 0.5),)),
        ("[<lora:a:1>::8]", ((0.0, 0.4),)),
        ("[a boat <lora:a:1>:a ship:5]", ((0.0, 0.25),)),
        ("[[<lora:a:1>:5]::10]", ((0.25, 0.5),)),
        ("[<lora:a:1>::25]", ((0.0, 1.5),)),
        ("[<lora:a:1>::1.5]", ((0.0, 1.5),)),
        ("<lora:a:1:step=5-10>", ((0.25, 0.5),)),
        ("<lora:a:1:start=0.5>", ((0.5, 2.0),)),
        ("<lora:a:1:stop=10>", ((0.0, 0.5),)),
        ("<lora:a:1:stop=25>", ((0.0, 1.5),)),
        ("[<lora:a:1:stop=10>:5]", ((0.25, 0.5),)),
        ("(a boat <lora:a:1>:1.3) [weak]", ()),
    ],
)
def test_brackets_and_start_and_stop_say_when(
    prompt: str, during: tuple[tuple[float, float], ...]
) -> None:
    (found,) = timed_loras(prompt, (FIRST, SECOND))
    assert [*chain(*found.during)] == pytest.approx([*chain(*during)])
    assert not found.never


def test_two_take_turns() -> None:
    a, b = timed_loras("[<lora:a:1>|<lora:b:0.5>] x", (Pass(0, 4),))
    assert a.during == ((0.0, 0.25), (0.5, 0.75))
    assert b.during == ((0.25, 0.5), (0.75, 1.0))
    assert (a.tag.name, b.tag.unet) == ("a", 0.5)


def test_what_begins_after_the_end_is_at_work_at_no_time() -> None:
    (found,) = timed_loras("[<lora:a:1>:30]", (FIRST,))
    assert found.never


def test_a_lora_of_the_second_pass_alone_is_always_at_work_there() -> None:
    (found,) = timed_loras("<lora:a:1>", (SECOND,))
    assert (found.during, found.never) == ((), False)
    (found,) = timed_loras("[<lora:a:1>:25]", (SECOND,))
    assert found.during == ((1.5, 2.0),)


@given(st.text(alphabet="ab<>:=lora.1[]|\ue000\ue001", max_size=60))
def test_every_tag_gets_a_time(prompt: str) -> None:
    try:
        tags = loras_in(prompt)
    except BadRequest:
        return
    timed = timed_loras(prompt, (FIRST, SECOND))
    assert tuple(t.tag for t in timed) == tags
    assert all(0 <= begin < end <= 2 for t in timed for begin, end in t.during)
