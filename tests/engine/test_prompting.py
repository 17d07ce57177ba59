from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.engine.drive import drive
from tests.engine.rig import Rig, order
from webui.engine.guidance import Conditioning
from webui.engine.model import LoadedModel
from webui.engine.prompting import Timeline, encode_prompts
from webui.engine.work import EncodedText, EncodeText, Work

CHUNKS = {"long": 3}


def encode(work: Work) -> EncodedText:
    """Chunks (K, 2, 5) that say which text they are of."""
    assert isinstance(work, EncodeText)
    return EncodedText(torch.full((CHUNKS.get(work.text, 1), 2, 5), float(len(work.text))))


def test_the_shorter_text_is_padded_by_the_empty_text(model: LoadedModel) -> None:
    said = drive(encode_prompts(model, ("short", "long"), True), encode)
    ((_, text),) = said.stages
    assert text.tokens.shape == (2, 6, 5)
    assert text.tokens[0, :, 0].tolist() == [5, 5, 0, 0, 0, 0]
    assert text.tokens[1, :, 0].tolist() == [4] * 6


def test_without_guidance_the_negative_prompt_is_not_even_encoded(model: LoadedModel) -> None:
    asked: list[str] = []

    def noted(work: Work) -> EncodedText:
        assert isinstance(work, EncodeText)
        asked.append(work.text)
        return encode(work)

    said = drive(encode_prompts(model, ("short", "never"), False), noted)
    assert said.stages[0][1].tokens.shape == (1, 2, 5)
    assert asked == ["short"]


SIGMAS = [10.0, 8.0, 6.0, 4.0, 2.0, 0.0]


def test_a_prompt_that_changes_has_a_stage_for_each_text(model: LoadedModel) -> None:
    task = encode_prompts(model, ("[four:seventh:2]", "[no:4]"), True, timeline=Timeline(SIGMAS))
    said = drive(task, encode)
    assert [level for level, _ in said.stages] == [10.0, 6.0, 2.0]
    assert [text.tokens[:, 0, 0].tolist() for _, text in said.stages] == [[4, 0], [7, 0], [7, 2]]
    conditioning = Conditioning(said.stages[0][1], later=said.stages[1:])
    at = [
        float(text.tokens[0, 0, 0])
        for s in (10.0, 8.0, 6.0, 5.0, 2.0)
        if (text := conditioning.text_at(s)) is not None
    ]
    assert at == [4, 4, 7, 7, 7]


def test_a_request_may_count_steps_by_the_old_rule(model: LoadedModel) -> None:
    rig = Rig(model)
    asked: dict[str, dict[str, Any]] = {
        "step": {"prompt": "[four:seventh:2]"},
        "share": {"prompt": "[four:seventh:2.0]"},
        "old": {"prompt": "[four:seventh:2.0]", "old_prompt_timelines": True},
    }
    for name, fields in asked.items():
        rig.finish(order(model.checkpoint, name, steps=4, **fields))
    step, share, old = (rig.pictures(job)[0] for job in asked)
    assert np.array_equal(old, step)
    assert not np.array_equal(share, step)


def test_parts_joined_by_and_are_rows_with_weights(model: LoadedModel) -> None:
    said = drive(encode_prompts(model, ("four AND seventh :0.5", "no"), False), encode)
    ((_, text),) = said.stages
    assert text.tokens[:, 0, 0].tolist() == [5, 8, 2]  # with the space beside AND
    assert said.weights == (1.0, 0.5)
