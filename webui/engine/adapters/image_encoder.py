"""Image encoders of CLIP: what an IP-Adapter, or a model that varies pictures, is told of a picture.

That is said of it as a whole or of each of its patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.engine.damage import told_as_damage
from webui.engine.families.parts import read_config, ready
from webui.engine.packed.on_processor import quicken
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.weights import Weights, open_weights
from webui.weights.clip_vision_files import (
    PREFIX,
    PROJECTION,
    USUAL_HEADS,
    encoder_file,
    vision_shape,
)

CONFIG = "config.json"
MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Of red, green and blue in the pictures that CLIP was trained on; OpenCLIP's have it from there."""
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Their standard deviations."""
LONGEST = 8
"""Of a strip of a picture so many short sides are looked at: beyond them nothing of it is seen anyway."""


@dataclass(frozen=True, eq=False)
class LoadedImageEncoder:
    """An image encoder in memory."""

    info: AdapterInfo
    net: nn.Module
    dtype: torch.dtype
    device: torch.device
    side: int
    """Pixels along a side of the picture that it sees."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    _of_nothing: list[Tensor] = field(default_factory=list)
    """What it says of the patches of no picture, once it was asked."""

    def seen(self, image: Image.Image) -> Tensor:
        """A picture as it sees it, (1, 3, side, side): the middle of it, in the scale of its training."""
        short = min(image.size)
        image = _middle(
            image, min(image.width, LONGEST * short), min(image.height, LONGEST * short)
        )
        width, height = image.size
        size = width * self.side // short, height * self.side // short
        small = image.resize(size, Image.Resampling.BICUBIC)
        values = (
            np.asarray(_middle(small, self.side, self.side), np.float32) / 255
        )  # (side, side, 3)
        scaled = (values - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)
        return torch.from_numpy(scaled.transpose(2, 0, 1).copy())[None]

    def says(self, pixels: Tensor, *, patches: bool, last: bool = False) -> Tensor:
        """What an IP-Adapter is told, (2, T, D): of a picture, and in the place of one where there is none.

        Args:
            pixels: As `seen` makes them.
            patches: Whether it is told of each patch, by the last layer but one; else of the whole.
            last: Whether it is told of each patch by the last layer, as a style adapter is; 0 in the place of one.
        """
        pixels = pixels.to(self.device, self.dtype)
        if last:
            each: Tensor = self.net(pixels).last_hidden_state
            return torch.cat([each, torch.zeros_like(each)])
        if patches:
            if not self._of_nothing:
                self._of_nothing.append(self._patches(torch.zeros_like(pixels)))
            return torch.cat([self._patches(pixels), *self._of_nothing])
        whole: Tensor = self.net(pixels).image_embeds[:, None]
        return torch.cat([whole, torch.zeros_like(whole)])

    def _patches(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.net(pixels, output_hidden_states=True).hidden_states[-2]
        return found


def load_image_encoder(info: AdapterInfo, device: torch.device) -> LoadedImageEncoder:
    """Read an image encoder: a folder, or its weights alone.

    Raises:
        BrokenModel: it is missing, damaged or of impossible shapes.
    """
    dtype = compute_dtype(device)
    path = Path(info.path)
    with told_as_damage(f"The image encoder {info.id!r}", info.path):
        said = _said_in(path) if path.is_dir() else {}
        net = vision_network(
            _kept(open_weights(encoder_file(path) if path.is_dir() else path)), said
        )
    net = ready(net, Place(device), dtype)
    size = network_bytes(net)
    quicken(net)
    return LoadedImageEncoder(info, net, dtype, device, int(net.config.image_size), size)


def _middle(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _kept(file: Weights) -> dict[str, Tensor]:
    """Copies: a file may be replaced while it is mapped."""
    return {n: file[n].clone() for n in file if n.startswith(PREFIX) or n == PROJECTION}


# Any: transformers' classes are typed loosely.
def vision_network(weights: Mapping[str, Tensor], said: Mapping[str, Any]) -> Any:
    """The network of these weights, by transformers' names, in their precision and where they lie.

    Args:
        weights: Of the network; others are left out.
        said: What its configuration says that shapes do not tell.

    Raises:
        NotAModel, BrokenModel: as `vision_shape`.
        RuntimeError: weights are missing or of other shapes.
    """
    # With the first encoder: transformers takes seconds to import.
    from transformers.models.clip.configuration_clip import CLIPVisionConfig  # noqa: PLC0415
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection  # noqa: PLC0415

    shape = vision_shape({name: tuple(weight.shape) for name, weight in weights.items()})
    config = CLIPVisionConfig(
        hidden_size=shape.width, intermediate_size=shape.wide, num_hidden_layers=shape.layers,
        num_attention_heads=int(said.get("num_attention_heads", USUAL_HEADS)),
        projection_dim=shape.pooled_width, image_size=shape.side, patch_size=shape.patch,
        hidden_act=str(said.get("hidden_act", shape.activation)),
        layer_norm_eps=float(said.get("layer_norm_eps", 1e-5)),
    )  # fmt: skip
    with torch.device("meta"):
        net: Any = CLIPVisionModelWithProjection(config)
    wanted = net.state_dict()
    net.load_state_dict({n: w for n, w in weights.items() if n in wanted}, strict=True, assign=True)
    places = net.vision_model.embeddings
    places.position_ids = torch.arange(places.num_positions)[None]  # no weight, so in no file
    return net


def _said_in(folder: Path) -> dict[str, Any]:
    """The configuration of the encoder in a folder; CLIP's own has it beside that of its text encoder.

    Raises:
        OSError: it is missing.
        ValueError: it is no JSON object.
    """
    said = read_config(folder, CONFIG)
    inner = said.get("vision_config")
    return inner if isinstance(inner, dict) else said
