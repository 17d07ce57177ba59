"""Weights of a prompt in its encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.emphasis import emphasised
from webui.engine.encoding import encode_texts
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.reading import Reading
from webui.engine.work import EncodeText
from webui.prompt.tokens import TokenChunks, chunk_prompt


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


@pytest.mark.parametrize("weights", [(1.0, 3.0, 3.0), (0.2, 0.1, 0.3), (1.0, -0.5, 1.0)])
def test_original_is_the_formula_of_automatic1111_however_large_the_weights(
    weights: tuple[float, ...],
) -> None:
    encoded = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(3)) - 0.3
    z = encoded * torch.tensor(weights)[None, :, None]
    expected = z * (encoded.mean() / z.mean())
    assert torch.allclose(emphasised(encoded, chunks(*weights)), expected, rtol=1e-5)


def test_without_norm_places_are_multiplied_and_no_more() -> None:
    encoded = torch.rand(1, 3, 4) + 1
    made = emphasised(encoded, chunks(1, 1.5, 1), keep_mean=False)
    assert torch.equal(made, encoded * torch.tensor([1.0, 1.5, 1.0])[None, :, None])


def test_a_row_whose_mean_says_nothing_is_not_blown_up() -> None:
    encoded = torch.tensor([[[1.0, -1.0], [2.0, -1.999], [1.0, -1.0]]])
    made = emphasised(encoded, chunks(1, -1, 1))
    assert torch.equal(made, encoded * torch.tensor([1.0, -1.0, 1.0])[None, :, None])


def test_a_weighted_prompt_is_encoded_otherwise_than_a_plain_one(model: LoadedModel) -> None:
    works = [EncodeText(model, text) for text in ("a cat", "(a cat:1.0)", "a (cat:1.4)")]
    plain, same, more = (encoded.tokens for encoded in encode_texts(works))
    assert torch.equal(plain, same)
    assert plain.shape == more.shape
    assert not torch.allclose(plain, more, atol=1e-3)


@pytest.fixture
def uncentred(model: LoadedModel) -> Iterator[LoadedModel]:
    """The model, but that its encodings have a mean: as it is, its last norm centres each, and a mean of 1e-8 is rounding."""
    encoder: Any = model.text_encoder
    bias = getattr(encoder, "text_model", encoder).final_layer_norm.bias
    kept = bias.detach().clone()
    with torch.no_grad():
        bias.fill_(0.5)
    yield model
    with torch.no_grad():
        bias.copy_(kept)


def test_each_emphasis_encodes_in_its_own_way(uncentred: LoadedModel) -> None:
    model = uncentred

    def encoded(text: str, emphasis: str) -> Tensor:
        (made,) = encode_texts([EncodeText(model, text, reading=Reading(emphasis))])
        return made.tokens

    text, plain = "a (cat:1.4)", encoded("a cat", "Original")
    original, no_norm = encoded(text, "Original"), encoded(text, "No norm")
    assert float(original.mean()) == pytest.approx(float(plain.mean()), rel=1e-4)
    assert torch.equal(encoded(text, "Ignore"), plain)
    assert torch.allclose(no_norm[0, 2:5], plain[0, 2:5] * 1.4, atol=1e-6)  # c, a, t
    assert torch.equal(no_norm[0, :2], plain[0, :2])
    literal = encoded(text, "None")
    assert not torch.equal(literal, plain)
    assert torch.equal(literal, encoded(r"a \(cat:1.4\)", "Original"))


def test_clip_skip_takes_an_earlier_layer_and_normalises_it(model: LoadedModel) -> None:
    encoder: Any = model.text_encoder
    readings = (Reading(clip_skip=2), Reading())
    works = [EncodeText(model, "a boat", reading=reading) for reading in readings]
    skipped, plain = (encoded.tokens for encoded in encode_texts(works))
    assert model.tokenize is not None
    assert model.frame is not None
    ids = torch.tensor(chunk_prompt("a boat", model.tokenize, model.frame).rows)
    with torch.inference_mode():
        states = encoder(ids, output_hidden_states=True).hidden_states
        text = getattr(encoder, "text_model", encoder)
        expected = [text.final_layer_norm(states[-skip]) for skip in (1, 2)]
    assert torch.allclose(plain, expected[0], atol=1e-5)
    assert torch.allclose(skipped, expected[1], atol=1e-5)
    assert not torch.allclose(expected[0], expected[1], atol=1e-3)


def test_more_layers_than_there_are_cannot_be_skipped(model: LoadedModel) -> None:
    with pytest.raises(BadRequest, match="clip_skip is 12"):
        execute([EncodeText(model, "a boat", reading=Reading(clip_skip=12))])
