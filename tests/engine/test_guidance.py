from __future__ import annotations

import pytest
import torch

from tests.engine.drive import drive
from webui.engine.classifier_free import Guidance, weighed
from webui.engine.guidance import Conditioning, GuidedBy, guided
from webui.engine.model import LoadedModel
from webui.engine.prompting import TextRows
from webui.engine.work import Predict, Work


def test_predictions_of_parts_are_added_by_their_weights() -> None:
    output = torch.tensor([3.0, -1.0, 1.0])[:, None, None, None]
    assert weighed(output, (1.0, 0.5), 2.0).flatten().tolist() == [1 + 2 * 2 - 2 * 0.5 * 2]
    assert weighed(output[[0, 2]], (1.0,), 2.0).flatten().tolist() == [5.0]
    assert weighed(output[[0, 2]], (0.5,), 2.0).flatten().tolist() == [3.0]


@pytest.mark.parametrize("scale", [1.0, 2.0, 7.5])
def test_the_prediction_moves_away_from_the_negative_prompt(
    model: LoadedModel, scale: float
) -> None:
    rows = 1 if scale == 1 else 2
    outputs = torch.tensor([3.0, 1.0])[:rows, None, None, None].expand(rows, 4, 2, 2)
    x = torch.zeros(1, 4, 2, 2)
    denoise = guided(
        model,
        Conditioning(TextRows(torch.zeros(rows, 77, 16))),
        GuidedBy(Guidance(scale), model.levels),
    )

    def answer(work: Work) -> torch.Tensor:
        assert isinstance(work, Predict)
        assert work.x.shape == (rows, 4, 2, 2)
        return outputs

    expected = model.levels.denoised(x, 2.0, torch.full_like(x, 1 + scale * 2))
    assert torch.allclose(drive(denoise(x, 2.0), answer), expected, atol=1e-5)


def test_a_perturbed_row_stands_beside_the_others_and_guides_away_from_itself(
    model: LoadedModel,
) -> None:
    tokens = torch.stack([torch.full((77, 16), value) for value in (1.0, 2.0)])
    plan = GuidedBy(Guidance(2.0, perturbed_scale=3.0), model.levels)
    denoise = guided(model, Conditioning(TextRows(tokens)), plan)
    x = torch.zeros(1, 4, 2, 2)

    def answer(work: Work) -> torch.Tensor:
        assert isinstance(work, Predict)
        assert work.perturbed == (False, False, True)
        assert work.tokens is not None
        assert work.tokens[:, 0, 0].tolist() == [1, 2, 1]
        return torch.tensor([3.0, 1.0, 2.5])[:, None, None, None].expand(3, 4, 2, 2)

    expected = model.levels.denoised(x, 2.0, torch.full_like(x, 1 + 2 * 2 + 3 * 0.5))
    assert torch.allclose(drive(denoise(x, 2.0), answer), expected, atol=1e-5)


def test_where_guidance_is_off_the_prompt_is_asked_alone(model: LoadedModel) -> None:
    guidance = Guidance(5.0, acts_at=(False, True), sigmas=(4.0, 2.0, 0.0))
    denoise = guided(
        model, Conditioning(TextRows(torch.zeros(2, 77, 16))), GuidedBy(guidance, model.levels)
    )
    asked: list[int] = []

    def answer(work: Work) -> torch.Tensor:
        assert isinstance(work, Predict)
        asked.append(work.x.shape[0])
        return torch.zeros_like(work.x)

    for sigma in (4.0, 3.0, 2.0):
        drive(denoise(torch.zeros(1, 4, 2, 2), sigma), answer)
    assert asked == [1, 1, 2]


def test_self_attention_guidance_asks_again_with_a_blurred_guess(model: LoadedModel) -> None:
    tokens = torch.stack([torch.full((77, 16), value) for value in (1.0, 2.0)])
    plan = GuidedBy(Guidance(2.0, looks_scale=0.5), model.levels)
    denoise = guided(model, Conditioning(TextRows(tokens)), plan)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    asked: list[Predict] = []

    def answer(work: Work) -> torch.Tensor:
        assert isinstance(work, Predict)
        asked.append(work)
        if not work.shows_looks:
            return torch.full((1, 4, 8, 8), 0.25)
        said = torch.tensor([3.0, 1.0])[:, None, None, None].expand(2, 4, 8, 8)
        return torch.cat((said, torch.full((2, 1, 8, 8), 2.0)), 1)

    made = drive(denoise(x, 2.0), answer)
    expected = model.levels.denoised(x, 2.0, torch.full_like(x, 1 + 2 * 2 + 0.5 * (1 - 0.25)))
    assert torch.allclose(made, expected, atol=1e-5)
    first, second = asked
    assert second.tokens is not None
    assert second.tokens[:, 0, 0].tolist() == [2.0]  # the negative prompt
    assert float(second.x.std()) < 0.9 * float(first.x.std())
