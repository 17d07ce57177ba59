"""Style adapters of T2I-Adapter (Mou et al. 2023, section 3.3): a picture's look becomes tokens behind those of the text.

A small transformer reads all tokens of CLIP's last layer and some of its own, which it answers by. As in AUTOMATIC1111's
extension, the tokens are multiplied by the unit's weight, and behind the negative prompt stand zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.engine.damage import told_as_damage
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights
from webui.weights.style_files import StyleShape, style_shape

if TYPE_CHECKING:  # it imports this file
    from webui.engine.adapters.control import Control

HEADS = 8
"""Of the published one; its shapes do not tell."""
_QUICK = 1.702
"""Of CLIP's quick GELU: x * sigmoid(1.702 x)."""


class StyleLayer(nn.Module):
    """A layer as CLIP's are, by the file's names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """(R, T, width)."""
        normal = self.ln_1(x)
        x = x + self.attn(normal, normal, normal, need_weights=False)[0]
        inner = self.mlp["c_fc"](self.ln_2(x))
        added: Tensor = self.mlp["c_proj"](inner * torch.sigmoid(_QUICK * inner))
        return x + added


class StyleNetwork(nn.Module):
    """Tokens of CLIP's last layer (R, T, width) to tokens of a look (R, N, text width)."""

    def __init__(self, shape: StyleShape) -> None:
        super().__init__()
        self.transformer_layes = nn.Sequential(
            *(StyleLayer(shape.width) for _ in range(shape.layers))
        )
        self.style_embedding = nn.Parameter(torch.empty(1, shape.tokens, shape.width))
        self.ln_pre, self.ln_post = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.proj = nn.Parameter(torch.empty(shape.width, shape.text_width))

    def forward(self, seen: Tensor) -> Tensor:
        """As the class says."""
        own = self.style_embedding.expand(len(seen), -1, -1)
        read = self.transformer_layes(self.ln_pre(torch.cat((seen, own), 1)))
        answer: Tensor = self.ln_post(read[:, -own.shape[1] :]) @ self.proj
        return answer


@dataclass(frozen=True, eq=False)
class LoadedStyleAdapter:
    """A style adapter in memory."""

    info: AdapterInfo
    net: StyleNetwork
    dtype: torch.dtype
    bytes: int
    factor: int = 0
    """As an IP-Adapter's: a part of the latent follows the whole picture."""
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    _made: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)

    def check_fits(self, unet: nn.Module, latent_channels: int) -> None:  # noqa: ARG002 - as a controlnet's
        """See that its tokens are as wide as those of the text of a UNet.

        Raises:
            JobFailed: it is made for another.
        """
        # Any: diffusers' configs are typed loosely.
        config: Any = unet.config
        wanted = config.get("cross_attention_dim")
        if wanted != self.info.text_width:
            raise JobFailed(
                f"The style adapter {self.info.id!r} is made for another model: its tokens are {self.info.text_width} "
                f"wide, those of this model's text {wanted or 'are read by no UNet'}. Take it out, or choose a model of "
                "Stable Diffusion 1."
            )

    def tokens(self, said: Tensor) -> Tensor:
        """Of what an image encoder says (2, T, D) of a picture: (1, N, text width). Computed once a picture."""
        if said not in self._made:
            self._made[said] = self.net(said[:1].to(self.dtype))
        made: Tensor = self._made[said]
        return made


def styled(
    tokens: Tensor, controls: Sequence[Sequence[Control]], negative: Sequence[Sequence[bool]]
) -> Tensor:
    """Tokens of the text (R, T, D) and, behind them, those of the looks of pictures.

    Args:
        tokens: Of all rows.
        controls: Of each work; the n-th of all works have one network.
        negative: Of each work, for each row, whether it is the negative prompt's.
    """
    joined = [tokens]
    for same in zip(*controls, strict=True):
        net = same[0].net
        if isinstance(net, LoadedStyleAdapter):
            rows = [
                net.tokens(control.hint) * (0.0 if flag else control.weight)
                for control, flags in zip(same, negative, strict=True)
                for flag in flags
            ]
            joined.append(torch.cat(rows).to(tokens))
    return tokens if len(joined) == 1 else torch.cat(joined, 1)


def load_style_adapter(info: AdapterInfo, device: torch.device) -> LoadedStyleAdapter:
    """Read a style adapter's file.

    Raises:
        BrokenModel: it is missing, damaged or of impossible shapes.
    """
    dtype = compute_dtype(device)
    with told_as_damage(f"The style adapter {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        with torch.device("meta"):
            net = StyleNetwork(style_shape(file.header.shapes))
        # Of our own: a file may be replaced while it is mapped.
        state = {name: file[name].to(device, dtype, copy=True) for name in net.state_dict()}
        net.load_state_dict(state, strict=True, assign=True)
    net = net.eval().requires_grad_(False)
    return LoadedStyleAdapter(info, net, dtype, sum(p.nbytes for p in net.parameters()))
