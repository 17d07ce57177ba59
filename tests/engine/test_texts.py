from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import torch

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.lora import LoadedLora
from webui.engine.model import LoadedModel
from webui.engine.reading import Reading
from webui.engine.texts import TextCache, cut_note
from webui.engine.work import EncodeText

TOKENS = torch.zeros(100)  # 400 bytes


def test_the_least_recently_used_text_goes_first(model: LoadedModel) -> None:
    cache = TextCache(1000)
    for text in ("a", "b"):
        cache.put(EncodeText(model, text), TOKENS)
    cache.get(EncodeText(model, "a"))
    cache.put(EncodeText(model, "c"), TOKENS)
    kept = [cache.get(EncodeText(model, text)) is not None for text in "abc"]
    assert kept == [True, False, True]


def test_models_do_not_share_texts(model: LoadedModel, other_model: LoadedModel) -> None:
    cache = TextCache()
    cache.put(EncodeText(model, "a"), TOKENS)
    assert cache.get(EncodeText(other_model, "a")) is None


def test_a_text_under_a_lora_is_another_and_does_not_keep_the_lora_alive(
    model: LoadedModel,
) -> None:
    cache = TextCache()
    info = AdapterInfo(AdapterId("a"), "lora", "A", "/a", 1)
    lora = LoadedLora(info, {}, 1)
    cache.put(EncodeText(model, "a", ((lora, 1.0),)), TOKENS)
    assert cache.get(EncodeText(model, "a", ((lora, 1.0),))) is TOKENS
    assert cache.get(EncodeText(model, "a", ((lora, 0.5),))) is None
    assert cache.get(EncodeText(model, "a")) is None
    gone = weakref.ref(lora)
    del lora
    gc.collect()
    assert gone() is None


def test_the_cache_does_not_keep_an_unloaded_model(model: LoadedModel) -> None:
    cache = TextCache()
    unloaded = replace(model)
    cache.put(EncodeText(unloaded, "a"), TOKENS)
    gone = weakref.ref(unloaded)
    del unloaded
    gc.collect()
    assert gone() is None


def test_an_unmatched_bracket_is_pointed_out_and_a_matched_one_is_not(model: LoadedModel) -> None:
    request = GenerationRequest(prompt="a (red house", negative_prompt="(blurred:1.2)")
    note = cut_note(model, request) or ""
    assert note.startswith("In the prompt: The '(' at character 3")
    assert cut_note(model, GenerationRequest(prompt="a (red) house")) is None


def test_the_longest_stage_of_a_prompt_says_how_much_is_cut(model: LoadedModel) -> None:
    note = cut_note(model, GenerationRequest(prompt=f"[a:{'a b ' * 3000}:0.5]")) or ""
    assert "tokens of the prompt were cut" in note


def test_notes_are_of_each_pictures_own_text(model: LoadedModel) -> None:
    texts = [{"prompt": p, "negative_prompt": n} for p, n in (("fine", ""), ("a (b", "<lora:x:1>"))]
    note = cut_note(model, GenerationRequest.model_validate({"prompt": "(", "texts": texts})) or ""
    assert note.startswith("In the prompt: The '(' at character 3")
    assert "In the negative prompt: '<lora:x:1>' does nothing" in note


def test_embeddings_take_their_places_in_the_note(model: LoadedModel) -> None:
    info = AdapterInfo(AdapterId("e/cloud"), "embedding", "x", "x", 1, vectors=70)
    request = GenerationRequest(prompt="cloud " * 41)
    assert cut_note(model, request) is None
    assert "the last 70 of the 2870 tokens" in (cut_note(model, request, (info,)) or "")


def test_a_text_that_is_read_otherwise_is_another(model: LoadedModel) -> None:
    cache = TextCache()
    cache.put(EncodeText(model, "a", reading=Reading("Original")), TOKENS)
    assert cache.get(EncodeText(model, "a")) is TOKENS
    assert cache.get(EncodeText(model, "a", reading=Reading("No norm"))) is None
