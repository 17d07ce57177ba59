"""The script 'Prompts from file or textbox'."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.api.sdapi.conftest import drawn, refusal

NAME = "Prompts from file or textbox"


def prompts_and_seeds(client: TestClient, arguments: list[Any], **body: Any) -> tuple[Any, ...]:
    answer, info = drawn(client, script_name=NAME, script_args=arguments, **body)
    assert len(answer["images"]) == len(info["all_prompts"])
    return info["all_prompts"], info["all_seeds"], info["ignored"]


def test_each_line_is_drawn_with_what_it_says(client: TestClient) -> None:
    text = "a house\n--prompt two pines --seed 9"
    asked = {"prompt": "at night", "seed": 5}
    assert prompts_and_seeds(client, [False, False, "end", text], **asked) == (
        ["at night a house", "at night two pines"],
        [5, 9],
        [],
    )
    prompts, seeds, ignored = prompts_and_seeds(
        client, [True, False, "start", "a house\na boat", True], n_iter=2, **asked
    )
    assert prompts == ["a house at night"] * 2 + ["a boat at night"] * 2
    assert (seeds, ignored) == ([5, 6, 7, 8], ["script_args.make_combined"])


def test_arguments_of_before_1_6_have_no_place(client: TestClient) -> None:
    prompts, seeds, _ = prompts_and_seeds(client, [False, True, "a house\na boat"], prompt="at night")  # fmt: skip
    assert prompts == ["a house", "a boat"]
    assert seeds[0] == seeds[1]


def test_a_wrong_line_is_named_and_a_list_is_needed(client: TestClient) -> None:
    arguments = [False, False, "start", "a house\n--none 1"]
    status, said = refusal(client, script_name=NAME, script_args=arguments)
    assert (status, "Line 2 has the unknown setting --none" in said) == (400, True)
    status, said = refusal(client, script_name=NAME, script_args=[False])
    assert (status, "have no text" in said) == (422, True)


def test_it_is_listed_for_both_tabs(client: TestClient) -> None:
    listed = client.get("/sdapi/v1/scripts").json()
    assert all(NAME.lower() in listed[tab] for tab in ("txt2img", "img2img"))
