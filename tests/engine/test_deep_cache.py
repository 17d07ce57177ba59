"""Step caching: a reused pass is the whole one where nothing changed, and works in a crowd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, crowd_as_alone, image_id, order
from tests.told import told_request
from webui.contracts.checkpoint import Task
from webui.contracts.infotext import write_infotext
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import load_control
from webui.engine.deep_cache import StepCache, can_reuse, deep_cache
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.work import Answer, Kept, Predict, Work


def prediction(model: LoadedModel, rows: int = 2, seed: int = 0, t: float = 500.0) -> Predict:
    generator = torch.Generator().manual_seed(seed)
    channels = int(model.unet.config.in_channels)  # type: ignore[union-attr,arg-type]
    x = torch.randn(rows, channels, 16, 16, generator=generator)
    text = None if model.text_encoder is None else torch.randn(rows, 77, 16, generator=generator)
    return Predict(model, x, t, text, label=3.0 if model.takes_label else None)


def answer(*works: Predict) -> list[Tensor]:
    return [a for a in execute(works) if isinstance(a, Tensor)]


def kept(work: Predict) -> Tensor:
    holder = Kept()
    answer(replace(work, keep=holder))
    assert holder.features is not None
    return holder.features


@pytest.mark.parametrize("task", ["text", "layout", "upscale"])
def test_a_pass_that_reuses_its_own_features_is_the_whole_pass(
    library: Library, task: Task
) -> None:
    work = prediction(library.model(task))
    (whole,), (reused,) = answer(work), answer(replace(work, reuse=kept(work)))
    assert torch.allclose(whole, reused, atol=1e-6)


def test_so_it_is_under_a_controlnet(library: Library) -> None:
    model = library.model("text")
    net = load_control(library.control(), torch.device("cpu"))
    control = Control(net, torch.rand(1, 3, 32, 32), 0.8)
    work = replace(prediction(model), controls=(control,))
    (whole,), (reused,) = answer(work), answer(replace(work, reuse=kept(work)))
    assert torch.allclose(whole, reused, atol=1e-6)
    assert not torch.allclose(whole, answer(prediction(model))[0], atol=1e-3)


def test_the_deep_blocks_are_not_computed_when_reused(model: LoadedModel) -> None:
    work = prediction(model)
    features = kept(work)
    run: list[str] = []
    names = {m: name for name, m in model.unet.named_modules() if isinstance(m, nn.Conv2d)}
    hooks = [m.register_forward_hook(lambda m, *_: run.append(names[m])) for m in names]
    answer(replace(work, reuse=features))
    for hook in hooks:
        hook.remove()
    last = len(model.unet.up_blocks) - 1  # type: ignore[arg-type]
    assert "conv_in" in run
    assert all(name.startswith((f"up_blocks.{last}.resnets.1", "conv_")) for name in run)
    assert len(run) < len(names) / 4


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_afterwards_as_before(model: LoadedModel, fails: bool) -> None:
    work = prediction(model)
    for each in (replace(work, reuse=kept(work)), replace(work, keep=Kept())):
        try:
            with deep_cache(model.unet, [each]):
                if fails:
                    raise ZeroDivisionError
                model.unet(each.x, 5.0, each.tokens)
        except ZeroDivisionError:
            pass
    assert not [m for m in model.unet.modules() if "forward" in vars(m) or m._forward_pre_hooks]


def test_each_rows_features_are_its_own(model: LoadedModel) -> None:
    works = [prediction(model, rows, seed) for seed, rows in enumerate((1, 2, 2))]
    holders = [Kept(), None, Kept()]
    answer(*(replace(w, keep=k) for w, k in zip(works, holders, strict=True)))
    for i in (0, 2):
        holder = holders[i]
        assert holder is not None
        assert holder.features is not None
        assert torch.allclose(holder.features, kept(works[i]), atol=1e-5)


def test_of_so_many_levels_the_first_is_whole(model: LoadedModel) -> None:
    cache = StepCache(3)
    whole = []
    for level in range(7):
        work = cache.prepare(prediction(model, t=100.0 - level))
        whole.append(work.reuse is None)
        if work.keep is not None:
            work.keep.features = torch.zeros(2, 1, 16, 16)
    assert whole == [True, False, False, True, False, False, True]


def test_windows_at_one_level_are_told_apart(model: LoadedModel) -> None:
    cache = StepCache(2)
    features = [torch.full((2, 1, 16, 16), float(i)) for i in range(2)]
    for i in range(2):
        first = cache.prepare(prediction(model, t=9.0))
        assert first.keep is not None
        first.keep.features = features[i]
    again = [cache.prepare(prediction(model, t=8.0)) for _ in range(2)]
    assert [work.reuse is features[i] for i, work in enumerate(again)] == [True, True]


def test_nothing_is_reused_where_the_noise_rises_again(model: LoadedModel) -> None:
    """As in a second pass, or with a sampler that goes back."""
    cache = StepCache(3)
    whole = []
    for t in (9.0, 8.0, 90.0, 80.0):
        work = cache.prepare(prediction(model, t=t))
        whole.append(work.reuse is None)
        if work.keep is not None:
            work.keep.features = torch.zeros(2, 1, 16, 16)
    assert whole == [True, False, True, False]


def test_the_features_of_another_model_are_not_reused(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    cache = StepCache(3)
    first = cache.prepare(prediction(model, t=9.0))
    assert first.keep is not None
    first.keep.features = torch.zeros(2, 1, 16, 16)
    assert cache.prepare(prediction(other_model, t=8.0)).reuse is None


def test_what_was_not_kept_is_computed_whole(model: LoadedModel) -> None:
    cache = StepCache(9)
    assert cache.prepare(prediction(model, t=9.0)).keep is not None
    assert cache.prepare(prediction(model, t=8.0)).keep is not None


def test_pictures_that_reuse_steps_are_in_a_crowd_as_alone(
    model: LoadedModel, library: Library, tmp_path: Path
) -> None:
    hint, control = save_picture(tmp_path / "hint.png"), library.control()
    use = {"adapter": control.id, "image": image_id(hint)}
    jobs = [
        order(model.checkpoint, "plain", steps=6),
        order(model.checkpoint, "two", seed=1, steps=8, deep_cache_interval=2),
        order(model.checkpoint, "three", seed=2, steps=9, deep_cache_interval=3, sampler="Heun"),
        order(model.checkpoint, "many", seed=4, count=2, deep_cache_interval=2, steps=7),
        order(
            model.checkpoint, "steered", files={"hint": hint}, adapters=(control,), controls=[use],
            deep_cache_interval=2, steps=6,
        ),
    ]  # fmt: skip
    crowd = crowd_as_alone(model, *jobs)
    reusing = [w for batch in crowd.batches for w in batch if isinstance(w, Predict) and w.reuse is not None]  # fmt: skip
    assert len(reusing) == 4 + 11 + 2 * 3 + 3
    assert max(crowd.predicted_rows()) > 6


def test_a_split_pass_loses_what_it_was_to_keep_and_no_more(model: LoadedModel) -> None:
    def one_row(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], Predict) and sum(w.x.shape[0] for w in works if isinstance(w, Predict)) > 1:  # fmt: skip
            raise torch.OutOfMemoryError("full")
        return execute(works)

    tight, plain = Rig(model, run=one_row), Rig(model)
    tight.finish(order(model.checkpoint, deep_cache_interval=3))
    plain.finish(order(model.checkpoint))
    assert tight.ends() == {"job": "done"}
    difference = tight.pictures("job")[0].astype(int) - plain.pictures("job")[0]
    assert abs(difference).max() <= 1


def test_a_model_that_cannot_says_so_and_draws_exactly(model: LoadedModel) -> None:
    class Plain(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.config = inner, inner.config

        def forward(self, x: Tensor, t: Tensor, **given: object) -> tuple[Tensor]:
            said: tuple[Tensor] = self.inner(x, t, **given)
            return said

    assert not can_reuse(Plain(model.unet))
    rig, plain = Rig(replace(model, unet=Plain(model.unet))), Rig(model)
    rig.finish(order(model.checkpoint, deep_cache_interval=3, token_merging_ratio=0.5))
    plain.finish(order(model.checkpoint))
    assert (rig.pictures("job")[0] == plain.pictures("job")[0]).all()
    (note,) = rig.notes()
    assert note.text == "This model cannot reuse the deep part of its network or merge tokens: every step is exact."  # fmt: skip


def test_savings_are_in_the_metadata_where_they_are_used(model: LoadedModel) -> None:
    request = order(model.checkpoint, deep_cache_interval=3, token_merging_ratio=0.4).request
    text = write_infotext(request, 7, "Tiny")
    assert "DeepCache interval: 3, Token merging ratio: 0.4" in text
    again = told_request(text)
    assert again is not None
    assert (again.deep_cache_interval, again.token_merging_ratio) == (3, 0.4)
    assert "DeepCache" not in write_infotext(order(model.checkpoint).request, 7, "Tiny")


def test_what_shows_the_middle_of_the_network_is_always_whole(model: LoadedModel) -> None:
    work = replace(prediction(model), shows_looks=True)
    assert StepCache(3).prepare(work) is work


@pytest.mark.parametrize(
    "fields",
    [
        {"pag_scale": 2.0, "sag_scale": 1.0},
        {"freeu_b1": 1.3, "freeu_b2": 1.4, "freeu_s1": 0.9, "freeu_s2": 0.2},
        {"tiling": True},
    ],
)
def test_altered_networks_reuse_steps_too_in_a_crowd_as_alone(
    model: LoadedModel, fields: dict[str, Any]
) -> None:
    job = order(model.checkpoint, steps=6, deep_cache_interval=2, **fields)
    alone, crowd = Rig(model), Rig(model)
    alone.finish(job)
    crowd.finish(job, order(model.checkpoint, "plain"), order(model.checkpoint, "other", **fields))
    assert set(crowd.ends().values()) == {"done"}
    difference = crowd.pictures("job")[0].astype(int) - alone.pictures("job")[0]
    assert abs(difference).max() <= 1
    reusing = [work for work in alone.works(Predict) if work.reuse is not None]
    # FreeU filters the last up block of a network of two levels: there every step is whole.
    assert bool(reusing) is ("freeu_b1" not in fields)
