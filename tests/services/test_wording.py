"""Words of each picture: styles, choices, LoRAs and embeddings, made out before a job is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.models import write_lora, write_weights
from tests.services.own_hooks import own_hooks
from webui.contracts.checkpoint import Task
from webui.contracts.errors import BadRequest, InvalidField, UnknownAdapter
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.parameters.words import CHOICES
from webui.contracts.request import GenerationRequest
from webui.prompt.reading import read_text
from webui.prompt.styles import Style
from webui.services.catalog import Catalog
from webui.services.wording import WordSources, counted, worded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "colour.txt").write_text("red\ngreen\nblue\n")
    write_lora(tmp_path / "models" / "loras" / "chalk.safetensors")
    write_lora(tmp_path / "models" / "loras" / "ink.safetensors")
    shapes = {"emb_params": [3, 8]}
    write_weights(tmp_path / "models" / "embeddings" / "Cloud.safetensors", shapes)
    sources = WordSources.below(tmp_path, own_hooks(tmp_path))
    sources.styles.save(Style("oil", "an oil painting of {prompt}", "photo"))
    sources.styles.save(Style("lucky", "{big|small}, __colour__"))
    return tmp_path


def made(folder: Path, prompt: str = "a boat", **fields: object) -> GenerationRequest:
    request = GenerationRequest.model_validate({"prompt": prompt, "seed": 5, **fields})
    sources = WordSources.below(folder, own_hooks(folder))
    return worded(counted(request, sources), Catalog([folder / "models"]), sources)


def prompts(request: GenerationRequest) -> list[str]:
    return [request.text_of(i).prompt for i in range(request.count)]


def test_a_prompt_that_says_it_all_has_no_texts(folder: Path) -> None:
    request = made(folder, "a (boat:1.2) # comment", negative_prompt="rain", count=3)
    assert (request.texts, request.template) == ((), "")
    assert prompts(request) == ["a (boat:1.2) # comment"] * 3


def test_styles_go_around_both_prompts_once_for_all_pictures(folder: Path) -> None:
    request = made(folder, negative_prompt="rain", styles=["oil"], count=2)
    assert len(request.texts) == 1
    text = request.text_of(1)
    assert (text.prompt, text.negative_prompt) == ("an oil painting of a boat", "rain, photo")
    assert (request.prompt, request.template) == ("a boat", "")


def test_a_style_that_changes_later_changes_no_recorded_request(folder: Path) -> None:
    request = made(folder, styles=["oil"])
    WordSources.below(folder, own_hooks(folder)).styles.save(Style("oil", "water"))
    assert prompts(request) == ["an oil painting of a boat"]
    assert request.picture(0).styles == ()
    assert request.picture(0).prompt == "an oil painting of a boat"


def test_an_unknown_style_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidField, match="styles is 'ol', expected 'oil'"):
        made(folder, styles=["ol"])


def test_pictures_take_their_turns_by_their_seeds(folder: Path) -> None:
    assert prompts(made(folder, "{@a|b|c}", seed=5, count=4)) == ["c", "a", "b", "c"]
    assert prompts(made(folder, "{@a|b|c}", seed=7)) == ["b"]


def test_each_picture_draws_its_words_from_its_own_seed(folder: Path) -> None:
    together = made(folder, "a {big|small} __colour__ boat", seed=5, count=12)
    alone = [
        prompts(made(folder, "a {big|small} __colour__ boat", seed=5 + i))[0] for i in range(12)
    ]
    assert prompts(together) == alone
    assert len(set(alone)) > 3


def test_a_picture_tells_its_own_words_and_the_template(folder: Path) -> None:
    request = made(folder, "__colour__ # a comment", negative_prompt="{x}", count=2)
    exact = request.picture(1)
    assert exact.prompt in ("red ", "green ", "blue ")
    assert (exact.template, exact.negative_template) == ("__colour__ # a comment", "{x}")
    assert (exact.prompt_choices, exact.seed, exact.texts) == ("Off", 6, ())
    again = made(folder, **exact.model_dump(exclude={"prompt"}), prompt=exact.prompt)
    assert again.picture(0) == exact


def test_choices_of_a_style_are_drawn_too(folder: Path) -> None:
    request = made(folder, styles=["lucky"])
    assert prompts(request)[0].startswith(("a boat, big, ", "a boat, small, "))
    assert request.template == "a boat, {big|small}, __colour__"


def test_a_variation_keeps_the_words_of_its_seed(folder: Path) -> None:
    varied = {"variation_seed": 1, "variation_strength": 0.2}
    request = made(folder, "{a|b|c|d} {a|b|c|d}", count=8, **varied)
    assert len(set(prompts(request))) == 1


def test_a_choice_in_a_comment_is_none(folder: Path) -> None:
    assert made(folder, "a boat # {big|small} __nothing__").texts == ()


def test_all_combinations_are_walked_and_begun_again(folder: Path) -> None:
    fields = {"negative_prompt": "{x|y}", "prompt_choices": "Combinatorial", "count": 7}
    request = made(folder, "{a|b} __colour__", **fields)
    words = [(t.prompt, t.negative_prompt) for t in request.texts]
    assert words == [
        ("a red", "x"), ("a red", "y"), ("a green", "x"), ("a green", "y"), ("a blue", "x"),
        ("a blue", "y"), ("b red", "x"),
    ]  # fmt: skip
    fields = {"prompt_choices": "combinatorial", "count": 3}
    assert prompts(made(folder, "{a|b}", **fields)) == ["a", "b", "a"]


def test_a_matrix_sets_the_count_and_keeps_the_seed(folder: Path) -> None:
    request = made(folder, "a boat|at night|{in|in} rain", prompt_choices="Matrix", count=9)
    assert request.count == 4
    assert prompts(request) == [
        "a boat", "a boat, at night", "a boat, in rain", "a boat, at night, in rain",
    ]  # fmt: skip
    assert [request.picture(i).seed for i in range(4)] == [5] * 4
    assert request.picture(3).template == "a boat|at night|{in|in} rain"


def test_a_matrix_of_too_many_pictures_is_refused(folder: Path) -> None:
    assert made(folder, "a" + "|b" * 6, prompt_choices="Matrix").count == 64
    with pytest.raises(InvalidField, match="8 parts, which is 128 pictures, expected at most 7"):
        made(folder, "a" + "|b" * 7, prompt_choices="Matrix")


def test_switched_off_braces_and_wildcards_are_text(folder: Path) -> None:
    request = made(folder, "{a|b} __nothing__", prompt_choices="Off", template="kept")
    assert (request.texts, request.template) == ((), "kept")


@pytest.mark.parametrize("prompt", ["__color__", "{a|__color__}"])
def test_an_unknown_wildcard_is_a_sentence(folder: Path, prompt: str) -> None:
    with pytest.raises(BadRequest, match=r"no wildcard 'color'. Did you mean __colour__"):
        made(folder, prompt, prompt_choices="Combinatorial", count=2)


def test_what_a_client_says_the_texts_are_is_forgotten(folder: Path) -> None:
    stale = {"texts": [{"prompt": "old", "negative_prompt": ""}], "template": "old"}
    request = made(folder, "a boat", **stale)
    assert (request.texts, request.template) == ((), "")


def test_loras_are_those_of_each_pictures_own_prompt(folder: Path) -> None:
    request = made(
        folder, "a boat {<lora:chalk:0.5>|<lora:ink:1:0.25>}", count=2,
        prompt_choices="Combinatorial",
    )  # fmt: skip
    first, second = (text.loras for text in request.texts)
    assert [(u.adapter, u.weight, u.text_weight) for u in first] == [("loras/chalk", 0.5, None)]
    assert [(u.adapter, u.weight, u.text_weight) for u in second] == [("loras/ink", 0.25, 1.0)]
    assert request.adapters == ("loras/chalk", "loras/ink")
    assert request.picture(1).prompt == "a boat <lora:ink:1:0.25>"
    assert request.picture(1).loras == ()


def test_a_lora_that_is_named_twice_is_added_up(folder: Path) -> None:
    field = [{"adapter": "loras/chalk", "weight": 0.5}]
    request = made(folder, "<lora:chalk:0.25:1> a <lora:chalk:0.25>", loras=field)
    (use,) = request.text_of(0).loras
    assert (use.weight, use.weight_of_text) == (1.75, 1.0)


def test_a_hypernetwork_is_found_by_its_tag_and_timed_as_a_lora(folder: Path) -> None:
    layer = {"768.0.linear.0.weight": [4, 768]}
    write_weights(folder / "models" / "hypernetworks" / "anime.safetensors", layer)
    said = made(folder, "a boat <lora:ink:1> [<hypernet:anime:0.6>:0.5]", steps=4).text_of(0)
    found = [(use.kind, use.adapter, use.weight, use.during) for use in said.loras]
    assert found == [
        ("lora", "loras/ink", 1.0, ()),
        ("hypernetwork", "hypernetworks/anime", 0.6, ((0.5, 1.0),)),
    ]
    with pytest.raises(UnknownAdapter, match="no hypernetwork 'ink'"):
        made(folder, "<hypernet:ink:1>")


def test_a_lora_in_timed_brackets_is_at_work_when_its_text_would_be_read(folder: Path) -> None:
    prompt = "[<lora:chalk:1>:0.5] a boat <lora:chalk:1:lbw=OUTALL> [<lora:ink:1>:99]"
    timed, whole = made(folder, prompt, steps=20).text_of(0).loras
    assert (timed.during, timed.blocks) == (((0.5, 1.0),), ())
    assert (whole.during, len(whole.blocks)) == ((), 17)


@pytest.mark.parametrize(
    ("task", "during"), [("text", ()), ("edit", ((0.5, 1.0),)), ("variation", ((0.5, 1.0),))]
)
def test_with_an_image_times_count_by_the_steps_that_are_taken(
    folder: Path, task: Task, during: tuple[tuple[float, float], ...]
) -> None:
    model = replace(FAKE_CHECKPOINT, task=task)
    asked = {"prompt": "[<lora:chalk:1>:10]", "steps": 20, "denoising_strength": 0.25}
    request = GenerationRequest.model_validate(
        {**asked, "image": "a" * 64, "model": model.id, "seed": 5}
    )
    catalog = Catalog([folder / "models"], built_in=[model])
    loras = worded(request, catalog, WordSources.below(folder, own_hooks(folder))).text_of(0).loras
    assert [use.during for use in loras] == ([during] if during else [])


def test_a_second_pass_goes_on_with_the_times_of_the_first(folder: Path) -> None:
    fields = {"steps": 20, "hires_scale": 2.0, "hires_steps": 10}
    (use,) = made(folder, "[<lora:chalk:1>:25]", **fields).text_of(0).loras
    assert use.during == ((1.5, 2.0),)
    own = made(folder, "a", hires_prompt="[<lora:chalk:1>::1.5]", **fields).text_of(0)
    assert [use.during for use in own.hires_loras] == [((1.0, 1.5),)]
    old = {**fields, "old_prompt_timelines": True}
    (use,) = made(folder, "[<lora:chalk:1>:5.0]", **old).text_of(0).loras
    assert use.during == ((0.25, 1.0), (1.5, 2.0))


@pytest.mark.parametrize("prompt", ["a boat # <lora:nothing:1>", "a boat"])
def test_a_lora_in_a_comment_is_none(folder: Path, prompt: str) -> None:
    assert made(folder, prompt).texts == ()


def test_a_lora_that_is_not_there_is_named_with_its_neighbours(folder: Path) -> None:
    with pytest.raises(UnknownAdapter, match=r"no lora 'chalks'. Did you mean 'loras/chalk'"):
        made(folder, "<lora:chalks:1>")


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("<lora:chalk:9>", "loras/chalk in loras is 9.0, expected a number from -4.0 to 4.0"),
        ("<lora:chalk:3><lora:chalk:3>", "loras/chalk in loras is 6.0"),
        ("".join(f"<lora:chalk:1:1:{i}>" for i in range(1, 18)), "17 LoRAs"),
    ],
)
def test_too_much_of_a_lora_is_refused(folder: Path, prompt: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says):
        made(folder, prompt)


def test_embeddings_are_found_by_their_names_in_either_prompt(folder: Path) -> None:
    request = made(folder, "a boat", negative_prompt="cloud, clouds")
    assert request.text_of(0).embeddings == ("embeddings/Cloud",)
    assert request.adapters == ("embeddings/Cloud",)
    assert made(folder, "clouds").adapters == ()


def test_a_second_pass_draws_its_own_words_with_its_own_loras(folder: Path) -> None:
    request = made(
        folder, "{a|b|c} <lora:chalk:1>", seed=5, styles=["oil"],
        hires_prompt="{a|b|c} in detail <lora:ink:0.5>", hires_negative_prompt="# nothing",
    )  # fmt: skip
    text = request.text_of(0)
    choice = text.prompt[len("an oil painting of ")]
    assert text.hires_prompt == f"an oil painting of {choice} in detail <lora:ink:0.5>"
    assert [use.adapter for use in text.loras] == ["loras/chalk"]
    assert [use.adapter for use in text.hires_loras] == ["loras/ink"]
    assert request.adapters == ("loras/chalk", "loras/ink")
    assert request.picture(0).hires_prompt == text.hires_prompt


def test_an_empty_hires_prompt_stays_empty_whatever_the_styles(folder: Path) -> None:
    text = made(folder, styles=["oil"]).text_of(0)
    assert (text.hires_prompt, text.hires_negative_prompt, text.hires_loras) == ("", "", ())


def test_a_prompt_that_grows_too_long_by_its_styles_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidField, match="prompt is 20019 characters long with its styles"):
        made(folder, "a" * 20_000, styles=["oil"])
    with pytest.raises(BadRequest, match="has 20001 characters; at most 20000"):
        made(folder, "a" * 19_998 + "|b", prompt_choices="Matrix")


def test_an_escaped_hash_is_still_text_when_choices_were_made(folder: Path) -> None:
    request = made(folder, r"sheet \#3 of {a|a} # a comment")
    assert request.text_of(0).prompt == r"sheet \#3 of a "
    assert read_text(request.text_of(0).prompt) == "sheet #3 of a "


WRITTEN = st.text(alphabet="ab{}|$_:<>lora[]()#\\1.,* \n", max_size=60)


@given(WRITTEN, WRITTEN, st.sampled_from(CHOICES), st.integers(1, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_prompt_is_made_out_or_refused_in_a_sentence_and_comes_back_from_the_record(
    folder: Path, prompt: str, negative: str, choices: str, count: int
) -> None:
    fields = {"negative_prompt": negative, "prompt_choices": choices, "count": count}
    try:
        request = made(folder, prompt, **fields)
    except BadRequest:
        return
    assert GenerationRequest.model_validate_json(request.model_dump_json()) == request
    again = made(folder, prompt, **fields)
    assert [again.text_of(i) for i in range(again.count)] == [
        request.text_of(i) for i in range(request.count)
    ]
