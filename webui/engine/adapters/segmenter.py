"""Segmentation networks (SegFormer: Xie et al. 2021): of each pixel of a photograph, which class it shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.engine.damage import told_as_damage
from webui.engine.families.parts import ready
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.weights import open_weights
from webui.weights.clip_vision_files import encoder_file

SEEN_SIDE = 640
"""Pixels along the longer side of what a network is shown whose folder does not say."""
SHOWN_FILE = "preprocessor_config.json"
SIDES = range(64, 1025)
"""Of what a folder may say: smaller ones show nothing, larger ones cost minutes."""
CELL = 32
"""What sides of that are multiples of."""
ANSWERED_SIDE = 1024
"""Most pixels along the longer side at which classes are told apart; beyond, each pixel is its neighbour's."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class LoadedSegmenter:
    """One in memory."""

    info: AdapterInfo
    # Any: transformers' networks are typed loosely.
    net: Any
    device: torch.device
    bytes: int
    side: int = SEEN_SIDE
    """Pixels along the longer side of what it is shown."""

    @torch.inference_mode()
    def read(self, image: Image.Image) -> NDArray[np.uint8]:
        """Of each pixel (H, W) its class's number."""
        logits: Tensor = self.net(
            _shown(image, self.side).to(self.device)
        ).logits.float()  # (1, C, h, w)
        scale = min(1.0, ANSWERED_SIDE / max(image.size))
        size = [max(1, round(side * scale)) for side in (image.height, image.width)]
        fine = functional.interpolate(logits, size, mode="bilinear", align_corners=False)
        numbers = Image.fromarray(fine.argmax(1)[0].to(torch.uint8).cpu().numpy())
        return np.asarray(numbers.resize(image.size, Image.Resampling.NEAREST), np.uint8)


def load_segmenter(info: AdapterInfo, device: torch.device) -> LoadedSegmenter:
    """Read the folder of a segmentation network.

    Raises:
        BrokenModel: it is missing, damaged or of impossible shapes.
    """
    # With the first one: transformers takes seconds to import.
    from transformers.models.segformer.configuration_segformer import (  # noqa: PLC0415
        SegformerConfig,
    )
    from transformers.models.segformer.modeling_segformer import (  # noqa: PLC0415
        SegformerForSemanticSegmentation,
    )

    folder = Path(info.path)
    with told_as_damage(f"The segmenter {info.id!r}", info.path):
        file = open_weights(encoder_file(folder))
        # Its own way in, for transformers has renamed the network's layers since most were published.
        # Any: transformers' classes are typed loosely.
        loaded: Any = SegformerForSemanticSegmentation.from_pretrained(
            None,
            config=SegformerConfig.from_pretrained(folder, local_files_only=True),
            state_dict={name: file[name].clone() for name in file},
            dtype=torch.float32,
            output_loading_info=True,
        )
    net, found = loaded
    missing = [name for name in found["missing_keys"] if not name.endswith("num_batches_tracked")]
    if missing or found["mismatched_keys"]:
        raise BrokenModel(
            f"The segmenter {info.id!r} in {info.path!r} lacks {(missing or ['weights of its own shapes'])[0]!r}. "
            "Download it again."
        )
    net = ready(net, Place(device), torch.float32)
    return LoadedSegmenter(info, net, device, network_bytes(net), _side(folder))


def _side(folder: Path) -> int:
    """The side that a network was taught with, as transformers' file beside it says; the usual one where it says none."""
    try:
        said = json.loads((folder / SHOWN_FILE).read_text("utf-8"))["size"]
        side = max(said.values()) if isinstance(said, dict) else said
    except (OSError, ValueError, KeyError, TypeError):
        return SEEN_SIDE
    return side if isinstance(side, int) and side in SIDES else SEEN_SIDE


def _shown(image: Image.Image, side: int) -> Tensor:
    """The picture as the network sees it, (1, 3, h, w)."""
    scale = side / max(image.size)
    size = [max(CELL, round(side * scale / CELL) * CELL) for side in image.size]
    small = image.convert("RGB").resize((size[0], size[1]), Image.Resampling.BICUBIC)
    values = np.asarray(small, np.float32) / 255
    scaled = (values - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)
    return torch.from_numpy(scaled.transpose(2, 0, 1).copy())[None]
