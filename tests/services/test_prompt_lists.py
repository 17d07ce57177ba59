"""A job for each line of a list, or none of any."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import Services
from webui.contracts.errors import BadRequest
from webui.contracts.job import Job
from webui.contracts.prompt_list import MAX_LIST_JOBS, PromptList
from webui.contracts.request import GenerationRequest
from webui.services.prompt_lists import PromptLists


@pytest.fixture
def lists(services: Services) -> PromptLists:
    drawn = iter(range(100, 200))
    return PromptLists(services.jobs, services.catalog, lambda _: next(drawn))


def jobs_of(lists: PromptLists, lines: str, fields: dict[str, Any], **more: Any) -> list[Job]:
    request = GenerationRequest.model_validate({"prompt": "at night", "seed": 7, **fields})
    return [*lists.submit(PromptList(request=request, lines=lines, **more)).jobs]


def test_a_line_stands_over_what_all_have_in_common(lists: PromptLists) -> None:
    lines = """a house
--prompt two pines --negative_prompt fog --steps 3 --cfg_scale 2.5 --width 128 --batch_size 2
--seed 5 --subseed 6 --subseed_strength 0.5 --seed_resize_from_w 64 --seed_resize_from_h 128
--sampler_name "DPM++ 2M Karras" --tiling true --restore_faces false --outpath_samples /nowhere
--guidance_scale 4 --clip_skip 2"""
    first, second, third, fourth, fifth = (
        job.request for job in jobs_of(lists, lines, {"steps": 4, "negative_prompt": "rain"})
    )
    assert (first.prompt, first.negative_prompt, first.steps) == ("a house at night", "rain", 4)
    assert (second.prompt, second.negative_prompt) == ("two pines at night", "fog rain")
    assert (second.steps, second.guidance_scale, second.width, second.count) == (3, 2.5, 128, 2)
    assert (third.prompt, third.seed, third.variation_seed) == ("at night", 5, 6)
    assert (third.variation_strength, third.seed_width, third.seed_height) == (0.5, 64, 128)
    assert (fourth.sampler, fourth.schedule, fourth.tiling) == ("DPM++ 2M", "Karras", True)
    assert (fifth.guidance_scale, fifth.clip_skip) == (4, 2)
    assert {job.batch for job in (first, second, third, fourth, fifth)} == {first.batch}
    assert first.batch != ""


@pytest.mark.parametrize(
    ("place", "said"),
    [("start", "a house at night"), ("end", "at night a house"), ("instead", "a house")],
)
def test_a_lines_prompt_has_a_place(lists: PromptLists, place: str, said: str) -> None:
    (job,) = jobs_of(lists, "a house", {}, place=place)
    assert job.request.prompt == said


def test_a_model_is_found_by_its_name_and_styles_by_commas(
    services: Services, lists: PromptLists
) -> None:
    model = str(services.catalog.models()[0].id)
    (job,) = jobs_of(lists, f"--sd_model {model.upper()}", {})
    assert job.request.model == model
    with pytest.raises(BadRequest, match=r"Line 1 cannot be drawn: .*'sepia'"):
        jobs_of(lists, '--styles "sepia, dusk"', {})


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [("own", [-1, -1, 5, -1]), ("same", [100, 100, 5, 100]), ("next", [100, 106, 5, 118])],
)
def test_lines_without_a_seed_draw_their_own_or_share_one_or_go_on(
    lists: PromptLists, seeds: str, expected: list[int]
) -> None:
    lines = "a house\na boat\n--seed 5\na lake"
    made = jobs_of(lists, lines, {"seed": -1, "count": 2}, seeds=seeds, rounds=3)
    each = [made[place].request.seed for place in (0, 3, 6, 9)]
    assert len(made) == 12
    known = [each[i] if seed == -1 else seed for i, seed in enumerate(expected)]
    assert each == known
    assert len(set(each)) == len(set(expected)) + (2 if seeds == "own" else 0)


def test_rounds_of_a_line_go_on_with_its_seeds(lists: PromptLists) -> None:
    made = jobs_of(lists, "--n_iter 3 --batch_size 2\na boat", {})
    assert [job.request.seed for job in made] == [7, 9, 11, 7]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--stepps 3", "has the unknown setting --stepps; a field of a request"),
        ("--batch x", "has the unknown setting --batch"),
        ("--restore_faces true", "has the unknown setting --restore_faces"),
        ("--steps", "ends --steps without a value"),
        ("--steps 0", "cannot be drawn: steps is '0', expected"),
        ("--n_iter 0", "has --n_iter '0'; a whole number from 1 to 100 was expected"),
        ("--sampler_name Eulerian", "cannot be drawn: "),
        ("--sd_model none", "cannot be drawn: "),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_ordered(
    services: Services, lists: PromptLists, line: str, said: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        jobs_of(lists, f"a house\n\n{line}", {})
    assert str(refused.value).startswith(f"Nothing was ordered. Line 3 {said}")
    assert services.jobs.list() == ()


def test_of_many_wrong_lines_the_first_are_named(lists: PromptLists) -> None:
    with pytest.raises(BadRequest, match=r"Line 5 .* 3 more are wrong\.") as refused:
        jobs_of(lists, "\n".join(["--none 1"] * 8), {})
    assert "Line 6" not in str(refused.value)


def test_an_empty_list_and_one_that_is_too_long_are_refused(lists: PromptLists) -> None:
    with pytest.raises(BadRequest, match="has no lines"):
        jobs_of(lists, " \n", {})
    with pytest.raises(BadRequest, match="more than 1000 jobs"):
        jobs_of(lists, "--n_iter 100\n" * (MAX_LIST_JOBS // 100 + 1), {})
