from __future__ import annotations

import pytest
import torch

from tests.engine.drive import drive
from webui.engine.guidance import Conditioning, encode_prompts, guided
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText, Predict, Work

CHUNKS = {"long": 3, "short": 1, "": 1}


def encode(work: Work) -> torch.Tensor:
    """Chunks (K, 2, 5) that say which text they are of."""
    assert isinstance(work, EncodeText)
    return torch.full((CHUNKS[work.text], 2, 5), float(len(work.text)))


def test_the_shorter_text_is_padded_by_the_empty_text(model: LoadedModel) -> None:
    tokens = drive(encode_prompts(model, ("short", "long"), 5.0), encode)
    assert tokens.shape == (2, 6, 5)
    assert tokens[0, :, 0].tolist() == [5, 5, 0, 0, 0, 0]
    assert tokens[1, :, 0].tolist() == [4] * 6


def test_without_guidance_the_negative_prompt_is_not_even_encoded(model: LoadedModel) -> None:
    tokens = drive(encode_prompts(model, ("short", "never"), 1.0), encode)
    assert tokens.shape == (1, 2, 5)


@pytest.mark.parametrize("scale", [1.0, 2.0, 7.5])
def test_the_prediction_moves_away_from_the_negative_prompt(
    model: LoadedModel, scale: float
) -> None:
    rows = 1 if scale == 1 else 2
    outputs = torch.tensor([3.0, 1.0])[:rows, None, None, None].expand(rows, 4, 2, 2)
    x = torch.zeros(1, 4, 2, 2)
    denoise = guided(model, Conditioning(torch.zeros(rows, 77, 16)), scale)

    def answer(work: Work) -> torch.Tensor:
        assert isinstance(work, Predict)
        assert work.x.shape == (rows, 4, 2, 2)
        return outputs

    expected = model.levels.denoised(x, 2.0, torch.full_like(x, 1 + scale * 2))
    assert torch.allclose(drive(denoise(x, 2.0), answer), expected, atol=1e-5)
