"""What a Stable Diffusion is put together from, wherever it was read."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.engine.denoisers import NoiseLevels
from webui.engine.families.parts import ReadFirstStage
from webui.engine.layout_encoder import LayoutEncoder
from webui.engine.small_picture import SmallPictureNoise
from webui.engine.variations import Variations
from webui.prompt.tokens import TokenFrame


@dataclass(frozen=True, eq=False)
class StableDiffusionParts:
    """Networks on their device and what is needed to use them."""

    unet: nn.Module
    first_stage: ReadFirstStage
    text_encoder: nn.Module
    tokenizer: CLIPTokenizer
    frame: TokenFrame
    levels: NoiseLevels
    layout_encoder: LayoutEncoder | None = None
    small_noise: SmallPictureNoise | None = None
    """Of one that enlarges."""
    variations: Variations | None = None
    """Of one that draws what is like a picture."""

    @property
    def networks(self) -> list[nn.Module]:
        """All that have weights."""
        eye = None if self.variations is None else self.variations.encoder.net
        networks = [self.unet, self.first_stage.vae, self.text_encoder, self.layout_encoder, eye]
        return [network for network in networks if network is not None]
