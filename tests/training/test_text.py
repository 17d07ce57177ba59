"""The starter's tokenizer and text encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from webui.training.text import (
    FACTS,
    MAX_TOKENS,
    RECIPES,
    build_tokenizer,
    stated_facts,
    tokenize,
    train_text_encoder,
)
from webui.training.world import caption_facts, caption_text, sample_scene, vocabulary


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer(captions=3000)


def test_every_word_of_the_world_is_one_token(tokenizer: CLIPTokenizer) -> None:
    assert [word for word in vocabulary() if len(tokenizer(word).input_ids) != 3] == []


def test_case_and_script_do_not_matter_to_the_tokenizer(tokenizer: CLIPTokenizer) -> None:
    assert tokenizer("A RED House").input_ids == tokenizer("a red house").input_ids
    assert len(tokenizer("你好 мир 🏠").input_ids) > 5
    assert tokenizer.unk_token_id not in tokenizer("你好 мир").input_ids[1:-1]


def test_an_encoding_has_always_77_tokens(tokenizer: CLIPTokenizer) -> None:
    ids = tokenize(tokenizer, ["", "a red house", "a red house " * 100])
    assert ids.shape == (3, MAX_TOKENS)
    assert (ids[0, 1:] == tokenizer.eos_token_id).all()
    assert ids[2, -1] == tokenizer.eos_token_id


def test_a_tokenizer_survives_saving(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    text = "two white boats, the ocean at dusk"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    assert loaded.model_max_length == MAX_TOKENS


def test_stated_facts_follow_the_caption_not_the_scene() -> None:
    for seed in range(60):
        said = caption_facts(sample_scene(seed), np.random.default_rng(seed))
        facts = stated_facts(said)
        assert facts.shape == (FACTS,)
        assert facts[: len(vocabulary())].sum() == len(set(said.words))
        if not said.said_things:
            assert facts[len(vocabulary()) :].sum() == 0


def test_a_scene_is_worded_in_several_ways() -> None:
    rng = np.random.default_rng(0)
    assert len({caption_text(3, rng) for _ in range(20)}) > 5


def test_teaching_lowers_the_loss_and_is_resumable(tmp_path: Path) -> None:
    settings = replace(RECIPES["cpu"], hidden=32, layers=1, heads=2, batch=8, budget_seconds=1.5)
    _, encoder = train_text_encoder(settings, tmp_path, torch.device("cpu"))
    _, again = train_text_encoder(settings, tmp_path, torch.device("cpu"))  # its budget is spent
    for a, b in zip(encoder.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
