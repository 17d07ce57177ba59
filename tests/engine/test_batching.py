from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from webui.contracts.errors import BadImage, JobFailed, OutOfMemory
from webui.contracts.parameters.turns import NORMAL, PRIORITIES, Priority
from webui.engine.batching import Batcher, Limits
from webui.engine.model import LoadedModel
from webui.engine.work import Answer, DecodeLatent, EncodeText, Predict, Work


@dataclass(frozen=True)
class Member:
    """A waiting program."""

    work: Work
    since: int
    priority: Priority = PRIORITIES[NORMAL]


def predict(model: LoadedModel, rows: int = 2, size: int = 8, tokens: int = 77) -> Predict:
    return Predict(model, torch.zeros(rows, 4, size, size), 1.0, torch.zeros(rows, tokens, 16))


def echo(works: Sequence[Work]) -> list[Answer]:
    return [torch.zeros(work.x.shape[0]) for work in works if isinstance(work, Predict)]


def test_of_groups_that_never_ran_the_longest_waiting_goes_first(model: LoadedModel) -> None:
    members = [Member(predict(model), 5), Member(EncodeText(model, "a"), 3)]
    assert Batcher(echo, Limits()).choose(members) == [members[1]]


def test_later_members_of_the_oldest_group_come_along(model: LoadedModel) -> None:
    members = [Member(predict(model), since) for since in (9, 2, 7)]
    assert [m.since for m in Batcher(echo, Limits()).choose(members)] == [2, 7, 9]


def test_other_shapes_do_not_come_along(model: LoadedModel) -> None:
    members = [Member(predict(model), 1), Member(predict(model, size=16), 2)]
    assert Batcher(echo, Limits()).choose(members) == members[:1]


def test_prompts_come_along_whose_length_divides_the_longest(model: LoadedModel) -> None:
    lengths = [77, 231, 154, 77, 462]  # 154 does not divide 231, and 462 comes too late for it
    members = [Member(predict(model, tokens=length), i) for i, length in enumerate(lengths)]
    chosen = Batcher(echo, Limits()).choose(members)
    assert [member.since for member in chosen] == [0, 1, 3, 4]


def test_a_live_batch_is_small_and_of_live_jobs_only(model: LoadedModel) -> None:
    live = PRIORITIES["Live"]
    members = [Member(predict(model), i, live if i > 2 else PRIORITIES[NORMAL]) for i in range(6)]
    batcher = Batcher(echo, Limits(live_rows=4))
    turns = [[member.since for member in batcher.choose(members)]]
    assert turns == [[3, 4]]


def test_a_higher_priority_goes_first_where_not_all_fit_and_nobody_waits_for_ever(
    model: LoadedModel,
) -> None:
    waits = dict.fromkeys(("high", "low", "a", "b", "c"), 0)
    priorities = {"high": PRIORITIES["High"], "low": PRIORITIES["Low"]}
    longest = dict.fromkeys(waits, 0)
    batcher = Batcher(echo, Limits(rows=4))
    for tick in range(1, 60):
        members = {
            name: Member(predict(model), since, priorities.get(name, PRIORITIES[NORMAL]))
            for name, since in waits.items()
        }
        chosen = batcher.choose(list(members.values()))
        for name, member in members.items():
            if any(member is other for other in chosen):
                longest[name] = max(longest[name], tick - waits[name])
                waits[name] = tick
    assert longest["high"] < longest["a"] < longest["low"] <= 6


def test_other_models_do_not_come_along(model: LoadedModel, other_model: LoadedModel) -> None:
    members = [Member(predict(model), 1), Member(predict(other_model), 2)]
    assert Batcher(echo, Limits()).choose(members) == members[:1]


def test_large_latents_make_small_batches_but_never_none(model: LoadedModel) -> None:
    members = [Member(predict(model), since) for since in range(4)]
    assert len(Batcher(echo, Limits(cells=4 * 64)).choose(members)) == 2
    assert len(Batcher(echo, Limits(cells=1)).choose(members)) == 1
    large = DecodeLatent(model, torch.zeros(1, 4, 64, 64), 512, 512)
    decodes = [Member(large, since) for since in range(4)]
    assert len(Batcher(echo, Limits(pixels=3 * 512 * 512)).choose(decodes)) == 3


def test_answers_come_in_the_order_of_the_works_after_halving(model: LoadedModel) -> None:
    def small(works: Sequence[Work]) -> list[Answer]:
        if len(works) > 1:
            raise torch.OutOfMemoryError
        return echo(works)

    works = [predict(model, rows) for rows in (1, 2, 1, 2, 2)]
    answers = Batcher(small, Limits()).run(works)
    assert [len(a) for a in answers if isinstance(a, torch.Tensor)] == [1, 2, 1, 2, 2]


def test_a_size_that_did_not_fit_is_remembered_until_forgotten(model: LoadedModel) -> None:
    def small(works: Sequence[Work]) -> list[Answer]:
        if len(works) > 4:
            raise torch.OutOfMemoryError
        return echo(works)

    batcher = Batcher(small, Limits())
    members = [Member(predict(model), since) for since in range(8)]
    batcher.run([member.work for member in batcher.choose(members)])
    assert len(batcher.choose(members)) == 4
    batcher.forget()
    assert len(batcher.choose(members)) == 8


def test_errors_are_told_as_sentences(model: LoadedModel) -> None:
    errors = [BadImage("Odd."), ValueError("odd"), MemoryError()]

    def fail(works: Sequence[Work]) -> list[Answer]:
        raise errors[0]

    kinds = []
    while errors:
        (answer,) = Batcher(fail, Limits()).run([predict(model, rows=1)])
        kinds.append(type(answer))
        assert str(answer).endswith(".")
        errors.pop(0)
    assert kinds == [BadImage, JobFailed, OutOfMemory]
