"""Prompts are read while they are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from tests.services.models import write_lora, write_weights
from tests.services.own_hooks import own_hooks
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import GenerationRequest
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions
from webui.prompt.styles import Style
from webui.services.catalog import Catalog
from webui.services.prompt_reader import PromptReader, PromptReading
from webui.services.wording import WordSources


@pytest.fixture
def reader(tmp_path: Path) -> PromptReader:
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "colour.txt").write_text("red\n")
    write_lora(tmp_path / "models" / "loras" / "chalk.safetensors")
    write_weights(tmp_path / "models" / "embeddings" / "cloud.safetensors", {"<c>": [4, 8]})
    sources = WordSources.below(tmp_path, own_hooks(tmp_path))
    sources.styles.save(Style("oil", "an oil painting of {prompt}"))
    return PromptReader(Catalog([tmp_path / "models"], [FAKE_CHECKPOINT]), sources)


def read(reader: PromptReader, prompt: str, **fields: object) -> PromptReading:
    request = GenerationRequest.model_validate({"prompt": prompt, **fields})
    return reader.read(request)["prompt"]


def places(reader: PromptReader, prompt: str, **fields: object) -> int:
    count = read(reader, prompt, **fields).count
    assert count is not None
    return count.places


def test_tokens_are_those_of_the_models_tokenizer(reader: PromptReader) -> None:
    assert places(reader, "") == 0
    assert places(reader, "a red house") == 3
    assert places(reader, "a red house # a comment <lora:chalk:1>") == 3
    negative = reader.read(GenerationRequest(prompt="", negative_prompt="a house"))[
        "negative_prompt"
    ]
    assert negative.count is not None
    assert (negative.count.places, negative.count.room) == (2, 75)


def test_styles_embeddings_and_choices_are_counted(reader: PromptReader) -> None:
    plain = places(reader, "a red house")
    assert places(reader, "a red house", styles=["oil"]) > plain
    assert places(reader, "a cloud house") == plain + 3
    reading = read(reader, "a __colour__ house")
    assert reading.drawn == "a red house"
    assert reading.count is not None
    assert reading.count.places == plain


@pytest.mark.parametrize(
    ("prompt", "piece", "says"),
    [
        ("a (boat", "(", "never closed"),
        ("a __color__ boat", "color", "Did you mean __colour__"),
        ("a <lora:chalks:1> boat", "chalks", "Did you mean 'loras/chalk'"),
        ("a <lora:chalk:much> boat", "<lora:chalk:much>", "has the weight 'much'"),
        ("a {b boat", "{", "never closed"),
    ],
)
def test_what_is_wrong_is_told_once_with_its_place(
    reader: PromptReader, prompt: str, piece: str, says: str
) -> None:
    reading = read(reader, prompt)
    (problem,) = reading.problems
    assert prompt[problem.start : problem.end] == piece
    assert says in problem.sentence
    assert reading.count is not None


def test_a_problem_of_the_negative_prompt_is_its_own(reader: PromptReader) -> None:
    request = GenerationRequest(prompt="fine", negative_prompt="__color__")
    found = reader.read(request)
    assert [name for name, reading in found.items() if reading.problems] == ["negative_prompt"]


def test_the_texts_of_a_second_pass_are_read_too(reader: PromptReader) -> None:
    request = GenerationRequest(
        prompt="a", hires_prompt="a ${x} house", hires_negative_prompt="rain ("
    )
    found = reader.read(request.model_copy(update={"hires_prompt": "a red house"}))
    counts = {name: reading.count and reading.count.places for name, reading in found.items()}
    assert counts == {
        "prompt": 1, "negative_prompt": 0, "hires_prompt": 3, "hires_negative_prompt": 2,
    }  # fmt: skip
    assert len(found["hires_negative_prompt"].problems) == 1
    (problem,) = reader.read(request)["hires_prompt"].problems
    assert "Nothing in the prompt says what '${x}' is" in problem.sentence
    assert (problem.start, problem.end) == (2, 5)


def test_a_model_without_a_tokenizer_counts_nothing() -> None:
    bare = replace(FAKE_CHECKPOINT, parts=())
    reader = PromptReader(Catalog([], [bare]), WordSources.below(Path("/nowhere")))
    reading = read(reader, "a (boat")
    assert reading.count is None
    assert len(reading.problems) == 1


def test_names_are_as_short_as_tells_them_apart(reader: PromptReader, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_lora(tmp_path / "models" / folder / "loras" / "ink.safetensors")
    layers = {"768.0.linear.0.weight": [8, 768], "768.0.linear.0.bias": [8]}
    write_weights(tmp_path / "models" / "hypernetworks" / "thick.pt", layers)
    words = reader.words()
    assert words.hypernetworks == ("thick",)
    assert words.loras == ("a/loras/ink", "b/loras/ink", "chalk")
    assert (words.embeddings, words.styles, words.wildcards) == (("cloud",), ("oil",), ("colour",))


@pytest.mark.parametrize(
    ("prompt", "choices", "ways"),
    [
        ("{a|b} {c|d}", "Combinatorial", 4),
        ("{a|b}" * 11, "Combinatorial", 1000),
        ("a|b|c", "Matrix", 4),
        ("{a|b}", "Random", None),
        ("__none__", "Combinatorial", None),
    ],
)
def test_the_number_of_all_prompts_is_told(
    reader: PromptReader, prompt: str, choices: str, ways: int | None
) -> None:
    assert reader.ways(GenerationRequest(prompt=prompt, prompt_choices=choices)) == ways


def test_a_matrix_shows_and_counts_all_of_its_parts(reader: PromptReader) -> None:
    reading = read(reader, "a house|a red tree", prompt_choices="Matrix")
    assert reading.drawn == "a house, a red tree"
    assert reading.count is not None
    assert reading.count.places == 6


def test_without_emphasis_brackets_are_no_mistake(reader: PromptReader) -> None:
    assert read(reader, "smile :)", emphasis="None").problems == ()


WORDS = """
from dataclasses import replace
from webui.hooks.specs import hookimpl

@hookimpl
def change_prompts(prompts, arguments):
    if not arguments.words:
        raise RuntimeError("no words")
    return replace(prompts, prompt=f"{prompts.prompt} {arguments.words}")
"""
MODEL = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    words: str = ''\n"


def test_what_the_forms_extensions_make_of_the_words_is_counted(tmp_path: Path) -> None:
    hooks = StudioExtensions(HookHost())
    hooks.load(read_manifest(write_extension(tmp_path, "book", studio=WORDS, arguments=MODEL)))
    sources = WordSources.below(tmp_path, hooks)
    reader = PromptReader(Catalog([], [FAKE_CHECKPOINT]), sources)
    assert places(reader, "a red house") == 3
    named = {"extensions": {"book": {"words": "by night"}}}
    assert places(reader, "a red house", **named) == 5
    assert read(reader, "a red house", **named).drawn == "a red house by night"
    failed = read(reader, "a red house", extensions={"book": {}})
    assert failed.count is not None
    assert failed.count.places == 3
    assert "The extension 'book' failed" in failed.problems[0].sentence
