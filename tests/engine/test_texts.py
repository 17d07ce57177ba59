from __future__ import annotations

from dataclasses import replace

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.engine.texts import cut_note


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


def test_a_hires_prompt_is_looked_at_too(model: LoadedModel) -> None:
    note = cut_note(model, GenerationRequest(prompt="fine", hires_prompt="a (b")) or ""
    assert note.startswith("In the hires prompt: The '(' at character 3")


def test_embeddings_take_their_places_in_the_note(model: LoadedModel) -> None:
    info = AdapterInfo(AdapterId("e/cloud"), "embedding", "x", "x", 1, vectors=70)
    request = GenerationRequest(prompt="cloud " * 41)
    assert cut_note(model, request) is None
    assert "the last 70 of the 2870 tokens" in (cut_note(model, request, (info,)) or "")


def test_a_scale_that_does_nothing_is_said_so(model: LoadedModel) -> None:
    wordless = replace(model, text_encoder=None, tokenize=None, frame=None)
    note = cut_note(wordless, GenerationRequest(prompt="", guidance_scale=3)) or ""
    assert note.startswith("The model knows nothing to guide a picture away from")
    assert cut_note(wordless, GenerationRequest(prompt="", guidance_scale=1)) is None
