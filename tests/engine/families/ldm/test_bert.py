from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
    LDMBertConfig,
    LDMBertModel,
)

from tests.engine.families.ldm.original_bert import Bert
from tests.engine.ldm_layout.original_unet import randomise
from webui.engine.families.ldm.bert import BertEmbedder

IDS = torch.tensor([[3, 1, 4, 1, 5, 0, 0, 0], [9, 2, 6, 5, 3, 5, 8, 9]])


@pytest.fixture(scope="module")
def original() -> Bert:
    bert = Bert(vocabulary=30, places=8, width=24, depth=2).eval()
    randomise(bert, 1)
    return bert


@torch.no_grad()
def test_it_computes_what_the_original_does(original: Bert) -> None:
    encoder = BertEmbedder.read(original.state_dict())
    torch.testing.assert_close(encoder(IDS).last_hidden_state, original(IDS), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_it_computes_what_diffusers_encoder_does(original: Bert) -> None:
    config = LDMBertConfig(
        vocab_size=30, max_position_embeddings=8, encoder_layers=2, encoder_ffn_dim=96,
        encoder_attention_heads=8, head_dim=64, d_model=24,
    )  # fmt: skip
    theirs = LDMBertModel(config).eval()
    ours = BertEmbedder.read(original.state_dict())
    model = theirs.model
    model.embed_tokens.weight.copy_(ours.token_emb.weight)
    model.embed_positions.weight.copy_(ours.pos_emb["emb"].weight)
    layers: list[Any] = list(ours.layers)
    for layer, (attention, forward) in zip(
        model.layers, zip(layers[::2], layers[1::2], strict=True), strict=True
    ):
        layer.self_attn_layer_norm.load_state_dict(attention[0].state_dict())
        for theirs_name, name in (
            ("q_proj", "to_q"),
            ("k_proj", "to_k"),
            ("v_proj", "to_v"),
            ("out_proj", "to_out"),
        ):
            getattr(layer.self_attn, theirs_name).load_state_dict(
                getattr(attention[1], name).state_dict()
            )
        layer.final_layer_norm.load_state_dict(forward[0].state_dict())
        layer.fc1.load_state_dict(forward[1].net[0][0].state_dict())
        layer.fc2.load_state_dict(forward[1].net[2].state_dict())
    model.layer_norm.load_state_dict(ours.norm.state_dict())
    expected = theirs(IDS).last_hidden_state
    torch.testing.assert_close(ours(IDS).last_hidden_state, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_earlier_layers_can_be_asked_for(original: Bert) -> None:
    encoder = BertEmbedder.read(original.state_dict())
    said = encoder(IDS, output_hidden_states=True)
    assert len(said.hidden_states) == encoder.config.num_hidden_layers + 1
    torch.testing.assert_close(
        encoder.final_layer_norm(said.hidden_states[-1]), said.last_hidden_state
    )


def test_an_encoder_that_lacks_a_weight_is_named(original: Bert) -> None:
    weights = original.state_dict()
    del weights["attn_layers.layers.3.1.net.2.bias"]
    with pytest.raises(ValueError, match="text encoder has other weights"):
        BertEmbedder.read(weights)
    del weights["pos_emb.emb.weight"]
    with pytest.raises(ValueError, match=r"no weight 'pos_emb\.emb\.weight'"):
        BertEmbedder.read(weights)
