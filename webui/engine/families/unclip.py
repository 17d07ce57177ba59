"""Stable Diffusion 2.1's image variations (unCLIP): what sets them apart from Stable Diffusion 2.

A diffusers folder says all of it: an image encoder of CLIP, the mean and spread of its embeddings, and the noise
that they were given in training. A single file has the image encoder; the rest is that of the published
configurations (`v2-1-stable-unclip-h-inference.yaml`, whose embeddings are taken as they are, and `-l-`, whose
mean and spread lie in a file beside it).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
    StableUnCLIPImageNormalizer,
)
from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.image_encoder import LoadedImageEncoder, vision_network
from webui.engine.families.parts import (
    FileParts,
    load_part,
    noise_levels,
    part_folder,
    read_config,
)
from webui.engine.ldm_layout.image_encoder import open_clip_vision_converted
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.small_picture import SmallPictureNoise
from webui.engine.variations import Variations
from webui.engine.weights import Weights, open_weights
from webui.weights.signatures.unclip import IMAGE_ENCODER, STATISTICS

NOISE: Mapping[str, str] = {"beta_schedule": "squaredcos_cap_v2"}
"""Of the embeddings, where no file says."""
_OPEN_CLIP, _CLIP = {"hidden_act": "gelu"}, {"hidden_act": "quick_gelu"}
"""Activations of OpenCLIP's networks, and of OpenAI's."""


def variations_of_folder(
    checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype
) -> Variations:
    """How the model of a diffusers folder is told of a picture.

    Raises:
        OSError: a file is missing.
        ValueError: a file is not as it should be.
    """
    folder = part_folder(checkpoint, "image_noising_scheduler")
    noise = read_config(folder, "scheduler_config.json")
    net = load_part(
        CLIPVisionModelWithProjection, part_folder(checkpoint, "image_encoder"), place, dtype=dtype
    )
    # Any: diffusers' networks are typed loosely.
    normal: Any = StableUnCLIPImageNormalizer.from_pretrained(
        part_folder(checkpoint, STATISTICS), local_files_only=True
    )
    encoder = _encoder(checkpoint, net, place, dtype)
    width, taken = encoder.info.pooled_width, int(normal.mean.shape[-1])
    if width != taken:
        raise ValueError(
            f"its image encoder says {width} numbers and its image normalizer takes {taken}; these must be the same."
        )
    mean, spread = (
        part.detach().float().to(place.device).view(1, width) for part in (normal.mean, normal.std)
    )
    return _variations(encoder, mean, spread, noise)


def variations_of_file(parts: FileParts, weights: Weights) -> Variations:
    """How the model of a single file is told of a picture.

    Raises:
        ValueError: weights are missing, or of other shapes than the network's.
    """
    statistics = parts.checkpoint.part(STATISTICS)

    # Any: transformers' classes are typed loosely.
    def read() -> Any:
        found = open_clip_vision_converted(weights.below(IMAGE_ENCODER))
        try:
            return vision_network(found, _OPEN_CLIP if statistics is None else _CLIP)
        except RuntimeError as error:
            raise ValueError(
                f"its image encoder has other weights than expected: {error}"
            ) from error

    net = parts.network("image_encoder", read)
    encoder = _encoder(parts.checkpoint, net, parts.place, parts.dtype)
    mean = torch.zeros(1, encoder.info.pooled_width, device=parts.place.device)
    spread = torch.ones_like(mean)
    if statistics is not None:
        read_in = open_weights(Path(statistics)).values()
        mean, spread = (part.to(mean, copy=True).view_as(mean) for part in read_in)
    return _variations(encoder, mean, spread, NOISE)


def _variations(
    encoder: LoadedImageEncoder, mean: torch.Tensor, spread: torch.Tensor, noise: Mapping[str, Any]
) -> Variations:
    levels = noise_levels(dict(noise))
    return Variations(encoder, mean, spread, SmallPictureNoise(levels, levels.count - 1))


# Any: as above.
def _encoder(
    checkpoint: CheckpointInfo, net: Any, place: Place, dtype: torch.dtype
) -> LoadedImageEncoder:
    size, config = network_bytes(net), net.config
    info = AdapterInfo(
        AdapterId(f"{checkpoint.id}/image_encoder"), "image_encoder", "Image encoder",
        checkpoint.path, size, pooled_width=int(config.projection_dim),
    )  # fmt: skip
    return LoadedImageEncoder(info, net, dtype, place.device, int(config.image_size), size)
