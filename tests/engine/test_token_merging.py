"""Token merging: what is merged, what it costs, and that it changes nobody else's picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.library import Library
from tests.engine.rig import Rig, crowd_as_alone, order
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.token_merging import can_merge, match, merged_tokens
from webui.engine.work import Predict


def tokens(rows: int, count: int, channels: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, count, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 7), (2, 9)])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75])
def test_every_token_gets_an_answer_and_the_share_is_merged(
    height: int, width: int, ratio: float
) -> None:
    values = tokens(3, height * width)
    merging = match(values, height, width, ratio)
    merged = merging.merge(values)
    places = -(-height // 2) * -(-width // 2)
    gone = min(int(height * width * ratio), height * width - places)
    assert merged.shape == (3, height * width - gone, 6)
    numbers = torch.arange(merged.shape[1], dtype=torch.float32).view(1, -1, 1).expand(3, -1, 1)
    back = merging.unmerge(numbers)
    assert back.shape == (3, height * width, 1)
    assert (
        len(set(back.flatten().tolist())) == merged.shape[1]
    )  # nothing is lost, nothing is left empty


def test_equal_tokens_stand_for_one_another_without_loss() -> None:
    corners = tokens(2, 16).view(2, 4, 4, 6)
    values = corners.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1, 2)  # 8x8, 2x2 alike
    merging = match(values, 8, 8, 0.75)
    assert merging.merge(values).shape == (2, 16, 6)
    assert torch.allclose(merging.unmerge(merging.merge(values)), values, atol=1e-6)


def test_the_most_alike_go_first() -> None:
    values = tokens(1, 16)
    values[0, 1] = values[0, 0] * 3  # the same direction as a place
    merging = match(values, 4, 4, 1 / 16)
    assert merging.merged.tolist() == [[1]]
    assert merging.places[merging.into[0, 0]] == 0


def test_a_row_does_not_depend_on_the_others() -> None:
    values = tokens(4, 64)
    together, alone = match(values, 8, 8, 0.5), match(values[2:3], 8, 8, 0.5)
    assert torch.equal(together.merged[2:3], alone.merged)
    assert torch.equal(together.into[2:3], alone.into)


def test_only_the_largest_self_attentions_see_fewer_tokens(model: LoadedModel) -> None:
    seen: dict[str, int] = {}
    names = {m: n for n, m in model.unet.named_modules() if n.endswith(("attn1", "attn2"))}
    hooks = [
        m.to_q.register_forward_hook(
            lambda _m, inputs, _o, name=name: seen.__setitem__(name, inputs[0].shape[1])
        )
        for m, name in names.items()
    ]
    work = Predict(model, torch.randn(2, 4, 16, 16), 5.0, torch.randn(2, 77, 16), merging=0.5)
    execute([work])
    for hook in hooks:
        hook.remove()
    largest = {n: c for n, c in seen.items() if n.startswith(("down_blocks.1", "up_blocks.0"))}
    assert {c for n, c in largest.items() if n.endswith("attn1")} == {32}  # of 8x8
    assert {c for n, c in seen.items() if n.endswith("attn2") and n in largest} == {64}
    assert not [m for m in model.unet.modules() if "forward" in vars(m)]


def test_the_network_is_afterwards_as_before_even_if_it_failed(model: LoadedModel) -> None:
    with pytest.raises(ZeroDivisionError), merged_tokens(model.unet, 0.5, 16, 16):
        raise ZeroDivisionError
    assert not [m for m in model.unet.modules() if "forward" in vars(m)]


def test_pictures_with_merged_tokens_are_in_a_crowd_as_alone(model: LoadedModel) -> None:
    jobs = [
        order(model.checkpoint, f"{ratio} {seed}", seed=seed, token_merging_ratio=ratio, steps=5)
        for seed in range(2)
        for ratio in (0.0, 0.3, 0.6)
    ]
    crowd = crowd_as_alone(model, *jobs)
    assert set(crowd.predicted_rows()) == {4}  # those of one ratio together
    exact, merged = (crowd.pictures(f"{ratio} 0")[0] for ratio in (0.0, 0.6))
    assert not np.array_equal(exact, merged)


def test_a_network_without_transformer_blocks_cannot(library: Library) -> None:
    assert can_merge(library.model("text").unet)
    assert not can_merge(library.model("upscale").unet)
    assert not can_merge(nn.Linear(1, 1))


def test_both_savings_go_together(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, deep_cache_interval=2, token_merging_ratio=0.5, steps=6))
    works = rig.works(Predict)
    assert [work.reuse is None for work in works] == [True, False] * 3
    assert {work.merging for work in works} == {0.5}
    again = Rig(replace(model))
    again.finish(order(model.checkpoint, deep_cache_interval=2, token_merging_ratio=0.5, steps=6))
    assert np.array_equal(again.pictures("job")[0], rig.pictures("job")[0])
