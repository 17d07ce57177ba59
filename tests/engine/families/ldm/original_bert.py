"""The text encoder of the original code, stated plainly: names of weights, and what it computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Bert(nn.Module):
    """`cond_stage_model.transformer` of the original."""

    def __init__(
        self, vocabulary: int, places: int, width: int, depth: int, heads: int = 8
    ) -> None:
        super().__init__()
        self.heads = heads
        self.token_emb = nn.Embedding(vocabulary, width)
        self.pos_emb = nn.ModuleDict({"emb": nn.Embedding(places, width)})
        layers = nn.ModuleList()
        for _ in range(depth):
            layers.append(nn.ModuleList([nn.LayerNorm(width), self._attention(width)]))
            first = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU())
            net = nn.Sequential(first, nn.Dropout(0), nn.Linear(4 * width, width))
            layers.append(nn.ModuleList([nn.LayerNorm(width), nn.ModuleDict({"net": net})]))
        self.attn_layers = nn.ModuleDict({"layers": layers})
        self.norm = nn.LayerNorm(width)
        self.to_logits = nn.Linear(width, vocabulary)

    def _attention(self, width: int) -> nn.ModuleDict:
        inner = 64 * self.heads
        made = {f"to_{part}": nn.Linear(width, inner, bias=False) for part in "qkv"}
        return nn.ModuleDict({**made, "to_out": nn.Linear(inner, width)})

    def forward(self, ids: Tensor) -> Tensor:
        """(B, L) to (B, L, D)."""
        x = self.token_emb(ids) + self.pos_emb["emb"].weight[: ids.shape[1]]  # type: ignore[index]
        for norm, block in self.attn_layers["layers"]:  # type: ignore[attr-defined]
            h = norm(x)
            if "net" in block:
                x = x + block["net"](h)
                continue
            q, k, v = (block[f"to_{part}"](h).unflatten(-1, (self.heads, 64)) for part in "qkv")
            weight = functional.softmax(torch.einsum("bnhd,bmhd->bhnm", q, k) / 8, -1)
            x = x + block["to_out"](torch.einsum("bhnm,bmhd->bnhd", weight, v).flatten(2))
        return self.norm(x)  # type: ignore[no-any-return]
