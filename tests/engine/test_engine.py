from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.rig import Rig, opened, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.choices import SAMPLERS
from webui.contracts.ids import JobId
from webui.contracts.messages import JobEnded, JobNoted, PictureReady
from webui.engine import previewer
from webui.engine.batching import Limits
from webui.engine.engine import EngineOptions
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.work import Answer, DecodeLatent, EncodeText, Predict, Work, group_key, rows_of

WORKS: list[type[Work]] = [EncodeText, Predict, DecodeLatent]


@pytest.mark.parametrize("sampler", [info.name for info in SAMPLERS])
def test_a_picture_made_twice_alone_is_the_same_to_the_bit(
    model: LoadedModel, sampler: str
) -> None:
    first, second = Rig(model), Rig(model)
    for rig in (first, second):
        rig.finish(order(model.checkpoint, sampler=sampler))
    assert np.array_equal(first.pictures("job")[0], second.pictures("job")[0])


def test_a_cached_text_does_not_change_the_picture(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, "first"))
    rig.finish(order(model.checkpoint, "second"))
    assert np.array_equal(rig.pictures("first")[0], rig.pictures("second")[0])
    texts = [w for batch in rig.batches for w in batch if isinstance(w, EncodeText)]
    assert len(texts) == 2  # prompt and negative prompt, once


@pytest.mark.parametrize("sampler", [info.name for info in SAMPLERS])
def test_a_picture_in_a_crowd_is_within_one_level_of_the_same_alone(
    model: LoadedModel, sampler: str
) -> None:
    alone, crowd = Rig(model), Rig(model)
    alone.finish(order(model.checkpoint, sampler=sampler, seed=3))
    others = [
        order(model.checkpoint, f"other {i}", seed=i, prompt=f"tree {i}", steps=3 + i)
        for i in range(5)
    ]
    crowd.finish(*others, order(model.checkpoint, sampler=sampler, seed=3))
    difference = crowd.pictures("job")[0].astype(int) - alone.pictures("job")[0]
    assert abs(difference).max() <= 1
    assert max(crowd.predicted_rows()) == 12


def test_other_seeds_and_prompts_give_other_pictures(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "a"),
        order(model.checkpoint, "b", seed=8),
        order(model.checkpoint, "c", prompt="a boat at night"),
    )
    a, b, c = (rig.pictures(job)[0] for job in "abc")
    assert not np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_picture_i_of_a_job_is_that_of_seed_plus_i(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, "three", count=3, seed=7))
    rig.finish(order(model.checkpoint, "third", seed=9))
    difference = rig.pictures("three")[2].astype(int) - rig.pictures("third")[0]
    assert abs(difference).max() <= 1
    seeds = [e.seed for e in rig.events if isinstance(e, PictureReady) and e.job_id == "three"]
    assert sorted(seeds) == [7, 8, 9]


def test_pictures_already_delivered_are_not_made_again(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, count=3, skip=(0, 2)))
    assert [e.index for e in rig.events if isinstance(e, PictureReady)] == [1]
    assert [(s.step, s.steps) for s in rig.steps("job")][-1] == (12, 12)


def test_eight_jobs_share_one_forward_pass_of_sixteen_rows(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(*(order(model.checkpoint, f"job {i}", seed=i) for i in range(8)))
    assert rig.predicted_rows().count(16) >= 3


def test_guidance_of_one_costs_one_row(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, guidance_scale=1))
    assert set(rig.predicted_rows()) == {1}


def test_no_batch_is_larger_than_the_limits(model: LoadedModel) -> None:
    rig = Rig(model, options=EngineOptions(limits=Limits(rows=5, pixels=2 * 32 * 32)))
    rig.finish(*(order(model.checkpoint, f"job {i}", seed=i) for i in range(6)))
    assert max(rig.predicted_rows()) == 4
    decodes = [len(batch) for batch in rig.batches if isinstance(batch[0], DecodeLatent)]
    assert max(decodes) <= 2
    assert set(rig.ends().values()) == {"done"}


def test_a_job_of_many_pictures_leaves_room_for_a_neighbour(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.engine.start(order(model.checkpoint, "many", count=40))
    for _ in range(6):
        rig.engine.tick()
    rig.engine.start(order(model.checkpoint, "one"))
    rig.tick_until_idle()
    ends = [e.job_id for e in rig.events if isinstance(e, JobEnded)]
    assert ends == ["one", "many"]


def test_groups_take_turns(model: LoadedModel, other_model: LoadedModel) -> None:
    rig = Rig(model, other_model, clock=itertools.count().__next__)
    rig.finish(order(model.checkpoint, "a", steps=30), order(other_model.checkpoint, "b", steps=30))
    turns = [batch[0].model for batch in rig.batches if isinstance(batch[0], Predict)]
    both = turns[turns.index(turns[-1]) :]  # from where the later model came in
    alternating = sum(one is not two for one, two in itertools.pairwise(both))
    assert alternating >= 40


def test_while_a_job_waits_no_other_kind_gets_two_turns_of_its_cost(model: LoadedModel) -> None:
    seconds = 0.0
    spent: list[tuple[object, float]] = []

    def costly(works: Sequence[Work]) -> list[Answer]:
        nonlocal seconds
        cost = float(sum(w.x.shape[0] * w.x[0, 0].numel() for w in works if isinstance(w, Predict)))
        seconds += cost
        spent.append((group_key(works[0]), cost))
        return execute(works)

    sizes = {"a": 64, "b": 64, "c": 128, "d": 96, "e": 72}
    rig = Rig(model, run=costly, clock=lambda: seconds)
    rig.finish(*(order(model.checkpoint, n, width=s, height=s, steps=7) for n, s in sizes.items()))
    turns = [(key, cost) for key, cost in spent if cost]
    costs = dict(turns)
    keys = [key for key, _ in turns]
    assert len(costs) == 4
    for start, key in enumerate(keys):
        if key in keys[start + 1 :]:
            between = turns[start + 1 : keys.index(key, start + 1)]
            for other in costs.keys() - {key}:
                given = sum(cost for each, cost in between if each == other)
                assert given <= costs[key] + costs[other]


def test_a_live_job_overtakes_and_its_batches_are_small(model: LoadedModel) -> None:
    rig = Rig(model, clock=itertools.count().__next__)
    crowd = [order(model.checkpoint, f"job {i}", seed=i, steps=8) for i in range(8)]
    live = order(model.checkpoint, "live", priority="Live", steps=8, guidance_scale=1)
    rig.finish(*crowd, live)
    assert next(iter(rig.ends())) == "live"
    assert rig.predicted_rows().count(1) == 8


def test_a_job_of_high_priority_is_let_in_first(model: LoadedModel) -> None:
    gate = threading.Event()

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        gate.wait(5)
        return model

    rig = Rig(load=load)
    names = ["Low", "Normal", "High", "Normal"]
    for i, name in enumerate(names):
        rig.engine.start(order(model.checkpoint, f"{name} {i}", priority=name, steps=1))
    rig.engine.tick()
    gate.set()
    rig.tick_until_idle()
    assert list(rig.ends()) == ["High 2", "Normal 1", "Normal 3", "Low 0"]


def test_a_cancelled_job_ends_at_once_and_touches_no_other(model: LoadedModel) -> None:
    alone, rig = Rig(model), Rig(model)
    alone.finish(order(model.checkpoint, "kept", seed=1))
    rig.engine.start(order(model.checkpoint, "kept", seed=1))
    rig.engine.start(order(model.checkpoint, "unwanted", count=3, steps=500))
    while not rig.steps("unwanted"):
        rig.engine.tick()
    rig.engine.cancel(JobId("unwanted"))
    assert rig.ends() == {"unwanted": "cancelled"}
    said = len(rig.steps("unwanted"))
    rig.tick_until_idle()
    assert rig.ends() == {"unwanted": "cancelled", "kept": "done"}
    assert len(rig.steps("unwanted")) == said
    difference = rig.pictures("kept")[0].astype(int) - alone.pictures("kept")[0]
    assert abs(difference).max() <= 1


def test_cancelling_what_is_over_says_nothing_more(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint))
    rig.engine.cancel(JobId("job"))
    rig.engine.cancel(JobId("never seen"))
    assert [e for e in rig.events if isinstance(e, JobEnded)] == [
        JobEnded(JobId("job"), "done", None)
    ]


@pytest.mark.parametrize("kind", WORKS)
def test_a_batch_that_does_not_fit_is_halved_and_no_picture_changes(
    model: LoadedModel, kind: type[Work]
) -> None:
    def small_memory(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], kind) and len(works) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return execute(works)

    plain, tight = Rig(model), Rig(model, run=small_memory)
    for rig in (plain, tight):
        rig.finish(*(order(model.checkpoint, f"job {i}", seed=i) for i in range(4)))
    assert set(tight.ends().values()) == {"done"}
    for i in range(4):
        difference = tight.pictures(f"job {i}")[0].astype(int) - plain.pictures(f"job {i}")[0]
        assert abs(difference).max() <= 1


def test_a_size_that_did_not_fit_is_not_tried_at_every_step(model: LoadedModel) -> None:
    refusals = []

    def small_memory(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], Predict) and len(works) > 2:
            refusals.append(len(works))
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return execute(works)

    rig = Rig(model, run=small_memory)
    rig.finish(*(order(model.checkpoint, f"job {i}", steps=20) for i in range(8)))
    assert set(rig.ends().values()) == {"done"}
    assert len(refusals) <= 6


def test_guidance_rows_are_split_when_not_even_two_fit(model: LoadedModel) -> None:
    def one_row(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], Predict) and sum(map(rows_of, works)) > 1:
            raise MemoryError
        return execute(works)

    plain, tight = Rig(model), Rig(model, run=one_row)
    for rig in (plain, tight):
        rig.finish(order(model.checkpoint))
    difference = tight.pictures("job")[0].astype(int) - plain.pictures("job")[0]
    assert abs(difference).max() <= 1


@pytest.mark.parametrize("kind", WORKS)
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), ValueError("odd shape")])
def test_a_row_that_fails_alone_fails_only_its_job(
    model: LoadedModel, kind: type[Work], error: Exception
) -> None:
    unlucky: list[Work] = []

    def picky(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], kind) and len(works) == 4 and not unlucky:
            unlucky.append(works[-1])
        if any(work is bad for work in works for bad in unlucky):
            raise error
        return execute(works)

    rig = Rig(model, run=picky)
    jobs = [
        order(model.checkpoint, f"job {i}", prompt=f"house {i}", seed=i, guidance_scale=1)
        for i in range(4)
    ]
    rig.finish(*jobs)
    assert rig.ends() == {"job 0": "done", "job 1": "done", "job 2": "done", "job 3": "failed"}
    expected = "Choose a smaller size" if isinstance(error, RuntimeError) else "odd shape"
    assert expected in rig.error("job 3")


def test_a_program_that_raises_fails_only_its_job(model: LoadedModel) -> None:
    rig = Rig(model)
    broken = order(model.checkpoint, "broken", files={"image": Path("/nowhere/image.png")})
    rig.finish(broken, order(model.checkpoint, "good"))
    assert rig.ends() == {"broken": "failed", "good": "done"}
    assert "image.png" in rig.error("broken")


def test_progress_counts_steps_over_all_pictures(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, count=2, steps=5))
    assert [(s.step, s.steps) for s in rig.steps("job")] == [(2 * i, 10) for i in range(1, 6)]


def test_heun_counts_steps_and_not_evaluations(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, sampler="Heun", steps=4))
    assert [s.step for s in rig.steps("job")] == [1, 2, 3, 4]
    assert len(rig.predicted_rows()) == 7


def test_the_first_step_has_a_preview_of_half_the_size(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, width=64, height=96))
    first = rig.steps("job")[0]
    assert first.step == 1
    assert opened(first.preview).size == (32, 48)


def test_previews_come_no_oftener_than_asked_and_show_all_pictures(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewer, "SHARE", math.inf)  # tiny pictures take a preview's time
    rig = Rig(model, options=EngineOptions(preview_seconds=3600))
    rig.finish(order(model.checkpoint, steps=10))
    assert [bool(s.preview) for s in rig.steps("job")] == [True] + [False] * 9
    eager = Rig(model, options=EngineOptions(preview_seconds=0))
    eager.finish(order(model.checkpoint, steps=6, count=3))
    assert [s.index for s in eager.steps("job")] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, 0), (1e-6, 4), (3600.0, 1)])
def test_an_order_says_how_often_it_is_previewed(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, seconds: float, shown: int
) -> None:
    monkeypatch.setattr(previewer, "SHARE", math.inf)
    rig = Rig(model)
    rig.finish(replace(order(model.checkpoint, steps=4), preview_seconds=seconds))
    assert sum(bool(step.preview) for step in rig.steps("job")) == shown


def test_a_prompt_of_ten_thousand_characters_in_any_script_works(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, prompt="山の上の家 дом 🏠 " * 700, steps=1))
    assert rig.ends() == {"job": "done"}


def test_a_prompt_that_is_too_long_is_drawn_and_the_cut_is_said(model: LoadedModel) -> None:
    rig = Rig(model)
    long = "house " * 3000
    rig.finish(order(model.checkpoint, "long", prompt=long, guidance_scale=1, steps=1))
    rig.finish(order(model.checkpoint, "short"))
    notes = {e.job_id: e.text for e in rig.events if isinstance(e, JobNoted)}
    assert rig.ends() == {"long": "done", "short": "done"}
    assert list(notes) == ["long"]
    assert model.tokenize is not None
    assert str(len(model.tokenize(long))) in notes[JobId("long")]
    assert "of the prompt were cut" in notes[JobId("long")]


def test_prompts_of_unequal_length_are_padded_to_one_shape(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, prompt="a", negative_prompt="b" * 200, steps=1))
    predict = next(w for b in rig.batches for w in b if isinstance(w, Predict))
    assert predict.tokens is not None
    assert predict.tokens.shape == (2, 3 * 77, 16)


def test_prompts_of_one_and_of_three_rows_of_chunks_are_drawn_in_one_pass(
    model: LoadedModel,
) -> None:
    alone, crowd = Rig(model), Rig(model)
    short = order(model.checkpoint, "short", seed=1)
    long = order(model.checkpoint, "long", prompt="b" * 200, seed=2)
    alone.finish(short)
    alone.finish(long)
    crowd.finish(short, long)
    assert crowd.predicted_rows() == [4] * 4
    for job in ("short", "long"):
        difference = crowd.pictures(job)[0].astype(int) - alone.pictures(job)[0]
        assert abs(difference).max() <= 1
