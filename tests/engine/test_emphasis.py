"""Weights of a prompt in its encoding."""

from __future__ import annotations

import pytest
import torch

from webui.engine.execute import emphasised, encode_texts
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText
from webui.prompt.tokens import TokenChunks


def chunks(*weights: float) -> TokenChunks:
    return TokenChunks(((0,) * len(weights),), (weights,), len(weights), 0)


def test_a_plain_prompt_is_left_to_the_bit() -> None:
    encoded = torch.randn(1, 3, 4)
    assert emphasised(encoded, chunks(1, 1, 1)) is encoded


def test_a_place_grows_against_the_others_and_the_mean_stays() -> None:
    encoded = torch.rand(1, 3, 4) + 1
    made = emphasised(encoded, chunks(1, 1.5, 1))
    assert float(made.mean()) == pytest.approx(float(encoded.mean()), rel=1e-5)
    growth = made / encoded
    assert torch.allclose(growth[:, 1] / growth[:, 0], torch.tensor(1.5))


def test_a_row_whose_mean_says_nothing_is_not_blown_up() -> None:
    encoded = torch.tensor([[[1.0, -1.0], [2.0, -1.999], [1.0, -1.0]]])
    made = emphasised(encoded, chunks(1, -1, 1))
    assert torch.equal(made, encoded * torch.tensor([1.0, -1.0, 1.0])[None, :, None])


def test_a_weighted_prompt_is_encoded_otherwise_than_a_plain_one(model: LoadedModel) -> None:
    plain, same, more = encode_texts(
        [EncodeText(model, text) for text in ("a cat", "(a cat:1.0)", "a (cat:1.4)")]
    )
    assert torch.equal(plain, same)
    assert plain.shape == more.shape
    assert not torch.allclose(plain, more, atol=1e-3)
