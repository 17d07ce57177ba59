"""The text encoder of the paper's own models: a transformer in the layout of x-transformers.

It reads word pieces of BERT (Devlin et al. 2019) without a mask, so the padding of a row is read too;
with a vocabulary of its own it reads layouts. It was trained together with the denoiser (Rombach et al.
2022, section 4.3.1 and appendix E.2.1). Names of weights are the original's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD_WIDTH = 64
"""Channels of a head, whatever the width; all original encoders have eight heads."""
UNUSED = "to_logits."
"""A head that guesses words, which generation has no use for."""


class BertEmbedder(nn.Module):
    """Token ids (B, L) to cross-attention tokens (B, L, D), in the shape of transformers' encoders."""

    def __init__(self, vocabulary: int, places: int, width: int, depth: int, inner: int) -> None:
        """A pair of attention (of `inner` channels) and feed-forward for each of `depth`."""
        super().__init__()
        self.config = SimpleNamespace(num_hidden_layers=depth, max_position_embeddings=places)
        self.token_emb = nn.Embedding(vocabulary, width)
        self.pos_emb = nn.ModuleDict({"emb": nn.Embedding(places, width)})
        blocks = [
            block for _ in range(depth) for block in (_Attention(width, inner), _FeedForward(width))
        ]
        layers = nn.ModuleList(nn.ModuleList([nn.LayerNorm(width), block]) for block in blocks)
        self.attn_layers = nn.ModuleDict({"layers": layers})
        self.norm = nn.LayerNorm(width)

    @classmethod
    def read(cls, weights: Mapping[str, Tensor]) -> BertEmbedder:
        """The encoder of these weights, by original name without `cond_stage_model.transformer.`.

        Raises:
            ValueError: they are not those of such an encoder.
        """
        try:
            vocabulary, width = weights["token_emb.weight"].shape
            inner = weights["attn_layers.layers.0.1.to_q.weight"].shape[0]
            places = weights["pos_emb.emb.weight"].shape[0]
        except KeyError as error:
            raise ValueError(f"its text encoder has no weight {error}") from error
        last = max(int(name.split(".")[2]) for name in weights if name.startswith("attn_layers."))
        with torch.device("meta"):
            encoder = cls(vocabulary, places, width, (last + 1) // 2, inner)
        own = {name: weight for name, weight in weights.items() if not name.startswith(UNUSED)}
        try:
            encoder.load_state_dict(own, strict=True, assign=True)
        except RuntimeError as error:
            raise ValueError(
                f"its text encoder has other weights than expected: {error}"
            ) from error
        return encoder

    @property
    def layers(self) -> nn.ModuleList:
        """Attention and feed-forward in turn, each with the norm before it."""
        return cast("nn.ModuleList", self.attn_layers["layers"])

    @property
    def final_layer_norm(self) -> nn.LayerNorm:
        """What normalises a layer's output, as transformers' encoders call it."""
        return self.norm

    def get_input_embeddings(self) -> nn.Embedding:
        """What looks token ids up."""
        return self.token_emb

    def forward(self, ids: Tensor, *, output_hidden_states: bool = False) -> SimpleNamespace:
        """Encodings of rows of token ids (B, L).

        Returns:
            `last_hidden_state` (B, L, D), and where they are asked for `hidden_states`: what enters
            the first pair of layers and what leaves each, before the last normalisation.
        """
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.token_emb(ids) + self.pos_emb["emb"](places)
        states = [x]
        for index, layer in enumerate(self.layers):
            norm, block = cast("nn.ModuleList", layer)
            x = x + block(norm(x))
            if index % 2:
                states.append(x)
        kept = tuple(states) if output_hidden_states else None
        return SimpleNamespace(last_hidden_state=self.norm(x), hidden_states=kept)


class _Attention(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_k = nn.Linear(width, inner, bias=False)
        self.to_v = nn.Linear(width, inner, bias=False)
        self.to_out = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = (
            layer(x).unflatten(-1, (-1, HEAD_WIDTH)) for layer in (self.to_q, self.to_k, self.to_v)
        )
        query, key, value = (part.transpose(1, 2) for part in parts)  # (B, heads, L, 64)
        read = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.to_out(read.transpose(1, 2).flatten(2))
        return out


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU())
        self.net = nn.Sequential(first, nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out
