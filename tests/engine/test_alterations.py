"""Networks that work otherwise, and are themselves again afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from webui.contracts.errors import BadRequest
from webui.engine.alterations import UNALTERED, Alterations, FreeU, Looks, altered, wrapped_round
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.work import DecodeLatent, Predict

STRONG = FreeU(1.5, 1.6, 0.5, 0.2)


def inputs(model: LoadedModel, rows: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    unet: Any = model.unet
    width = unet.config.cross_attention_dim
    tokens = torch.randn(1, 77, width, generator=generator).expand(rows, -1, -1)
    x = torch.randn(1, model.checkpoint.latent_channels, 16, 16, generator=generator)
    return x.expand(rows, -1, -1, -1), tokens


def predicted(
    model: LoadedModel,
    x: torch.Tensor,
    tokens: torch.Tensor,
    alterations: Alterations = UNALTERED,
    perturbed: tuple[bool, ...] = (),
) -> torch.Tensor:
    work = Predict(model, x, 500.0, tokens, alterations=alterations, perturbed=perturbed)
    (answer,) = execute([work])
    assert isinstance(answer, torch.Tensor)
    return answer


def test_a_network_that_wraps_round_follows_its_input_wherever_it_is_rolled(
    model: LoadedModel,
) -> None:
    x, tokens = inputs(model)
    plain = predicted(model, x, tokens)
    wrapped = Alterations(tiling=True)
    whole = predicted(model, x, tokens, wrapped)
    rolled = predicted(model, x.roll((4, 8), (-2, -1)), tokens, wrapped)
    assert torch.allclose(rolled, whole.roll((4, 8), (-2, -1)), atol=1e-4)
    assert not torch.allclose(whole, plain, atol=1e-3)
    assert torch.equal(predicted(model, x, tokens), plain)


def test_a_decoder_that_wraps_round_follows_too(model: LoadedModel) -> None:
    latent = torch.randn(1, model.checkpoint.latent_channels, 16, 16)

    def picture(latent: torch.Tensor, tiling: bool) -> torch.Tensor:
        (answer,) = execute([DecodeLatent(model, latent, 32, 32, tiling)])
        return torch.as_tensor(answer).int()

    moved = picture(latent.roll(4, -1), True)
    assert (moved - picture(latent, True).roll(8, 1)).abs().max() <= 1
    assert (picture(latent, True) - picture(latent, False)).abs().max() > 1


def test_freeu_is_what_diffusers_does_and_ends_with_the_block(model: LoadedModel) -> None:
    x, tokens = inputs(model)
    plain = predicted(model, x, tokens)
    unet: Any = model.unet
    with torch.inference_mode():
        unet.enable_freeu(s1=0.5, s2=0.2, b1=1.5, b2=1.6)
        theirs = unet(x, torch.tensor([500.0] * 2), tokens, return_dict=False)[0]
        unet.disable_freeu()
    assert torch.allclose(predicted(model, x, tokens, Alterations(freeu=STRONG)), theirs, atol=1e-5)
    assert not torch.allclose(theirs, plain, atol=1e-3)
    assert torch.equal(predicted(model, x, tokens), plain)


def test_attention_is_perturbed_in_the_rows_that_ask_for_it_alone(model: LoadedModel) -> None:
    x, tokens = inputs(model, rows=3)
    plain = predicted(model, x, tokens)
    some = predicted(model, x, tokens, perturbed=(False, True, False))
    assert torch.allclose(some[[0, 2]], plain[[0, 2]], atol=1e-6)
    assert not torch.allclose(some[1], plain[1], atol=1e-4)
    assert torch.equal(predicted(model, x, tokens), plain)


def test_a_perturbed_place_gives_its_own_value_as_diffusers_has_it(model: LoadedModel) -> None:
    from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0

    x, tokens = inputs(model, rows=1)
    ours = predicted(model, x, tokens, perturbed=(True,))
    unet: Any = model.unet
    layers = [m for n, m in unet.mid_block.named_modules() if n.endswith("attn1")]
    before = [layer.processor for layer in layers]
    with torch.inference_mode():
        for layer in layers:
            layer.set_processor(PAGIdentitySelfAttnProcessor2_0())
        both = torch.cat([x, x]), torch.tensor([500.0] * 2), torch.cat([tokens, tokens])
        theirs = unet(*both, return_dict=False)[0][1:]
    for layer, processor in zip(layers, before, strict=True):
        layer.set_processor(processor)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_network_without_the_parts_is_refused_in_a_sentence() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
    with pytest.raises(BadRequest, match="FreeU"), altered(plain, Alterations(freeu=STRONG)):
        pass
    with pytest.raises(BadRequest, match="self-attention"), altered(plain, Alterations(), [True]):
        pass


def test_what_was_altered_is_put_back_when_the_pass_fails() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
    with pytest.raises(RuntimeError), wrapped_round(plain):
        raise RuntimeError
    assert plain[0].padding_mode == "zeros"


def test_what_rows_look_at_is_shown_beside_an_unchanged_answer(model: LoadedModel) -> None:
    x, tokens = inputs(model)
    (shown,) = execute([Predict(model, x, 500.0, tokens, shows_looks=True)])
    shown = torch.as_tensor(shown)
    assert torch.allclose(shown[:, :-1], predicted(model, x, tokens), atol=1e-6)
    looks = shown[:, -1]
    assert looks.shape == (2, 16, 16)
    assert looks.mean((1, 2)).tolist() == pytest.approx([1.0, 1.0], abs=1e-4)
    assert float(looks.std()) > 0


def test_looks_are_those_of_the_attention_that_the_layer_reckons() -> None:
    from diffusers.models.attention_processor import Attention, AttnProcessor

    torch.manual_seed(0)
    attention = Attention(query_dim=8, heads=2, dim_head=4)
    attention.set_processor(AttnProcessor())
    kept: list[torch.Tensor] = []
    reckon = attention.get_attention_scores

    def noted(*arguments: Any) -> torch.Tensor:
        kept.append(reckon(*arguments))
        return kept[-1]

    attention.get_attention_scores = noted
    looks = Looks()
    handle = attention.register_forward_hook(looks.hook, with_kwargs=True)
    attention(torch.randn(3, 6, 8))
    handle.remove()
    expected = kept[0].view(3, 2, 6, 6).mean(1).sum(1)  # heads averaged, over all queries
    assert torch.allclose(looks.seen(3, 2, 3).flatten(1), expected, atol=1e-5)
