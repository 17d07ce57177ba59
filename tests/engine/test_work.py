from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import LoadedControl
from webui.engine.adapters.lora import LoadedLora
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText, Predict, group_key


def lora() -> LoadedLora:
    return LoadedLora(AdapterInfo(AdapterId("a"), "lora", "A", "/a", 1), {}, 1)


def control(size: int = 4) -> Control:
    info = AdapterInfo(AdapterId("c"), "controlnet", "C", "/c", 1)
    net = LoadedControl(info, torch.nn.Identity(), torch.float32, 4, 2, (), 1)
    return Control(net, torch.zeros(1, 3, size, size), 1.0)


@pytest.fixture
def work(model: LoadedModel) -> Predict:
    return Predict(model, torch.zeros(2, 4, 2, 2), 1.0, torch.zeros(2, 3, 5))


def test_what_may_differ_within_a_batch(work: Predict) -> None:
    steered = control()
    work = replace(work, label=1.0, controls=(steered,))
    other = replace(work, t=9.0, label=2.0, controls=(replace(steered, weight=0.5),))
    assert group_key(work) == group_key(other)


def test_what_must_be_equal_within_a_batch(work: Predict) -> None:
    first, second = lora(), lora()
    others = [
        replace(work, tokens=None),
        replace(work, label=0.0),
        replace(work, controls=(control(),)),
        replace(work, controls=(control(8),)),
        replace(work, patches=((first, 1.0),)),
        replace(work, patches=((first, 0.5),)),
        replace(work, patches=((second, 1.0),)),
        replace(work, patches=((first, 1.0), (second, 1.0))),
    ]
    assert len({group_key(w) for w in [work, *others]}) == 1 + len(others)


def test_texts_under_other_loras_are_other_texts(model: LoadedModel) -> None:
    patched = EncodeText(model, "a", ((lora(), 1.0),))
    assert group_key(patched) != group_key(EncodeText(model, "a"))
