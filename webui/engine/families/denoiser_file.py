"""A denoising network: from its part's folder, or from a file that has it alone, in its published layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.engine.families.parts import load_part, part_folder, read_config, ready
from webui.engine.flow_layout import flux, sd3
from webui.engine.ldm_layout.unet import converted as unet_converted
from webui.engine.packed.layers import fill
from webui.engine.packed.weight import Stored
from webui.engine.shared_networks import Place, files_of
from webui.engine.weights import open_weights
from webui.weights.bare import bare_denoiser
from webui.weights.ldm_heads import Heads
from webui.weights.ldm_unet import UnetShape, unet_shape

CONFIG = "denoiser_config"

# Any: the names of diffusers' arguments.
_Read = Callable[[Mapping[str, Stored]], tuple[dict[str, Any], Mapping[str, Stored]]]


# Any: classes of diffusers' networks, which are typed loosely.
def load_denoiser(
    kind: Any, checkpoint: CheckpointInfo, part: str, place: Place, dtype: torch.dtype
) -> Any:
    """The network of a part, ready to use.

    Args:
        kind: What it becomes.
        checkpoint: Whose.
        part: 'unet' or 'transformer'.
        place: Where it is put.
        dtype: In which precision.

    Raises:
        ValueError: a file's weights are not those of the network that the rest of the model has.
    """
    where, settings = part_folder(checkpoint, part), part_folder(checkpoint, CONFIG)
    if not where.is_file():
        return load_part(kind, where, place, by_content=False, torch_dtype=dtype)
    source = (kind, dtype, *files_of(where), *files_of(settings))

    def read() -> Any:
        return ready(_read_file(kind, where, settings), place, dtype)

    return place.network(source, read, by_content=False)


def _read_file(kind: Any, file: Path, settings: Path) -> Any:
    weights = open_weights(file)
    bare = bare_denoiser(weights.header)
    if bare is None:
        raise BrokenModel(f"{str(file)!r} holds no denoising network alone.")
    sizes, named = _READERS[bare.family](weights.stored_below(bare.prefix))
    return made_of(kind, {**read_config(settings, "config.json"), **sizes}, named)


# Any: as above.
def made_of(kind: Any, config: dict[str, Any], named: Mapping[str, Stored]) -> Any:
    """The network of a configuration, with weights by diffusers' names.

    Raises:
        ValueError: they are not the network's.
    """
    with torch.device("meta"):
        network = kind.from_config(config)
    try:
        fill(network, named)
    except RuntimeError as error:
        raise ValueError(
            f"its denoising network has other weights than the rest of the model expects: {error}"
        ) from error
    return network


def model_folder(checkpoint: CheckpointInfo) -> Path:
    """The diffusers folder of a model, which its denoising network may lie outside of."""
    config = checkpoint.part(CONFIG)
    return Path(checkpoint.path) if config is None else Path(config).parent


def _unet(weights: Mapping[str, Stored]) -> tuple[dict[str, Any], Mapping[str, Stored]]:
    shape = unet_shape({name: tuple(weight.shape) for name, weight in weights.items()}, prefix="")
    assert isinstance(shape, UnetShape)  # it was known by that
    # Heads matter to attention without tokens alone, which such networks have none of.
    return {"in_channels": shape.in_channels}, unet_converted(weights, shape, Heads(count=1))


_READERS: Mapping[str, _Read] = {
    "sd1": _unet,
    "sdxl": _unet,
    "sd3": lambda weights: (sd3.sizes(weights), sd3.converted(weights)),
    "flux": lambda weights: (flux.sizes(weights), flux.converted(weights)),
}
