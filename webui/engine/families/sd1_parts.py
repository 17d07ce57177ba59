"""What a Stable Diffusion is put together from, wherever it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from webui.engine.denoisers import NoiseLevels
from webui.engine.layout_encoder import LayoutEncoder
from webui.prompt.tokens import TokenFrame


@dataclass(frozen=True, eq=False)
class StableDiffusionParts:
    """Networks on their device and what is needed to use them."""

    unet: nn.Module
    # Any: diffusers' and transformers' classes are typed loosely.
    vae: Any
    text_encoder: nn.Module
    tokenizer: Any
    frame: TokenFrame
    scale: float
    """Of latents."""
    shift: float
    levels: NoiseLevels
    layout_encoder: LayoutEncoder | None = None

    def token_ids(self, text: str) -> list[int]:
        """Of a text, without start and end."""
        encoded = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
        return [int(token) for token in encoded.input_ids]

    @property
    def networks(self) -> list[nn.Module]:
        """All that have weights."""
        networks = [self.unet, self.vae, self.text_encoder, self.layout_encoder]
        return [network for network in networks if network is not None]


# Any: the tokenizer's attributes are untyped.
def token_frame(tokenizer: Any, length: int, padding: int | None = None) -> TokenFrame:
    """The rows that a tokenizer's tokens are laid into; None pads as the tokenizer says."""
    pad = tokenizer.pad_token_id if padding is None else padding
    end = tokenizer.eos_token_id
    comma = tokenizer(",", add_special_tokens=False).input_ids
    return TokenFrame(
        start=tokenizer.bos_token_id,
        end=end,
        padding=end if pad is None else pad,
        length=length,
        comma=comma[0] if len(comma) == 1 else None,
    )
