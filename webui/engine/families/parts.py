"""What families share: reading a diffusers folder part by part, and its noise schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.modeling_utils import ModelMixin
from safetensors import safe_open
from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.mapped import mapped_encoder, mapped_network, read_config
from webui.engine.first_stage import decode_latents
from webui.engine.packed.late import converted_late
from webui.engine.packed.layers import lighten
from webui.engine.packed.weight import HALVES
from webui.engine.previews import Projection
from webui.engine.published_levels import STABLE_DIFFUSION, PublishedLevels
from webui.engine.shared_networks import Place, files_of
from webui.engine.weights import DTYPES, read_ahead

__all__ = [
    "FileParts",
    "ReadFirstStage",
    "fitted_first_stage",
    "load_part",
    "noise_levels",
    "part_folder",
    "read_config",
    "read_diffusers",
    "read_first_stage",
    "ready",
    "stored_precision",
    "zero_terminal_snr",
]

ZERO_SNR_ALPHA = 2.0**-24


def part_folder(checkpoint: CheckpointInfo, name: str) -> Path:
    """Where a part lies: in the model's folder, unless it is shared with another model."""
    folder = checkpoint.part(name)
    return Path(checkpoint.path) / name if folder is None else Path(folder)


# Any, here and below: diffusers' and transformers' from_pretrained are not typed alike.
def load_part(
    kind: Any, folder: Path, place: Place, *, by_content: bool = True, **options: Any
) -> Any:
    """A network from its folder, ready to use.

    Args:
        kind: What it becomes.
        folder: Where it lies.
        place: Where it is put.
        by_content: Whether other folders may have an equal one; not worth asking of denoising networks.
        options: Name its precision.

    Raises:
        ValueError: its configuration asks for code that Easel does not have.
    """
    source = (kind, *sorted(options.items()), *files_of(folder))

    dtype = next(iter(options.values()))

    def read() -> Any:
        _check_config(folder)
        read_ahead(f for f in folder.glob("*.safetensors") if "." not in f.stem)  # no variants
        mapped = _mapped(kind, folder, place, dtype)
        if mapped is not None:
            return ready(mapped, place, dtype)
        opens = place.lean or (place.apart and place.device.type == "cpu")
        stored = stored_precision(folder) if opens else dtype
        made = _from_pretrained(kind, folder, dict.fromkeys(options, stored))
        return ready(made, place, dtype if opens else None)

    return place.network(source, read, by_content=by_content)


def read_diffusers(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """Diffusers' network of a folder, in a precision.

    Raises:
        ValueError: its configuration asks for code that Easel does not have.
    """
    _check_config(folder)
    mapped = mapped_network(kind, folder)
    if mapped is None:
        return _from_pretrained(kind, folder, {"torch_dtype": dtype})
    return nn.Module.to(mapped, dtype=dtype)


# Any: as above.
def _mapped(kind: Any, folder: Path, place: Place, dtype: torch.dtype) -> Any:
    """A network of a folder over its mapped files; None where the library has to read it."""
    if issubclass(kind, ModelMixin):
        return mapped_network(kind, folder)
    # Transformers keeps some layers of an encoder in float32 where the others are in float16.
    exact = (place.device.type == "cpu" or place.apart) and dtype is not torch.float16
    return mapped_encoder(kind, folder) if exact else None


def _from_pretrained(kind: Any, folder: Path, options: dict[str, Any]) -> Any:
    """As the library reads it, by code that is not the folder's own."""
    fixed: dict[str, Any] = {"use_safetensors": True}  # never a pickle
    if issubclass(kind, PreTrainedModel):
        fixed["attn_implementation"] = "sdpa"
    before = torch.get_default_dtype()
    try:
        return kind.from_pretrained(folder, local_files_only=True, **options, **fixed)
    finally:
        # Diffusers leaves another where it fails, for all that is drawn later.
        torch.set_default_dtype(before)


def _check_config(folder: Path) -> None:
    """See that a part's configuration does not hand its weights to another program."""
    quantizer = read_config(folder, "config.json").get("quantization_config")
    if quantizer is not None:
        raise ValueError(
            f"the config.json of its {folder.name!r} has weights for a quantizer ({repr(quantizer)[:80]}), which is not "
            "read. Take the folder without it, or a GGUF or eight-bit file of the network"
        )


def stored_precision(folder: Path) -> torch.dtype:
    """In which the weights in a folder lie, by the first of them; float32 where that cannot be told."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping
                dtype = DTYPES.get(opened.get_slice(name).get_dtype())
                if dtype is not None and dtype in HALVES:
                    return dtype
    return torch.float32


@dataclass(frozen=True)
class FileParts:
    """The networks of a single file, each read when it is asked for and not there already."""

    checkpoint: CheckpointInfo
    place: Place
    dtype: torch.dtype

    def network(self, name: str, read: Callable[[], Any], *, by_content: bool = True) -> Any:
        """The network that `read` makes of the file, ready to use; `name` tells it from the others."""
        info, place = self.checkpoint, self.place
        source = (info.family, info.variant, name, self.dtype, *files_of(Path(info.path)))
        return place.network(
            source,
            lambda: ready(read(), place, self.dtype),
            by_content=by_content,
        )


# Any: networks of two libraries that have no base in common but nn.Module.
def ready(network: Any, place: Place, dtype: torch.dtype | None = None) -> Any:
    """A network as it is used: on its device, not to be trained; None keeps its precision.

    In a lean place it keeps the weights of its layers as they are, and computes in that precision; of a model that is
    apart it comes to the device when it is brought.
    """
    network = network.eval().requires_grad_(False)
    if place.apart:
        place.shared.stage.join(network, place.device, dtype)
        return network
    if place.lean and place.room is not None:
        # What is copied at each use is copied as it is computed with.
        network = network.to(dtype=dtype)
    if place.lean:
        lighten(network, place.room)
    elif place.device.type == "cpu" and dtype is not None:
        return converted_late(network, dtype)
    network = network.to(place.device, dtype)
    if place.device.type == "cpu":
        return network  # its convolutions get a layout of their own: `packed/on_processor.py`
    # Convolutions in half precision read channels last faster.
    return network.to(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class ReadFirstStage:
    """A KL first stage, and what is known of its latents."""

    vae: Any
    scale: float
    shift: float
    projection: Projection
    """See `LoadedModel.projection`."""


def read_first_stage(
    checkpoint: CheckpointInfo,
    place: Place,
    dtype: torch.dtype,
    scale: float | None = None,
) -> ReadFirstStage:
    """The part 'vae' of a model, and a preview fitted to it; a given scale goes before its config's."""
    vae = load_part(AutoencoderKL, part_folder(checkpoint, "vae"), place, torch_dtype=dtype)
    return fitted_first_stage(vae, place.device, scale)


_FITTED: WeakKeyDictionary[nn.Module, dict[tuple[float, float], Projection]] = WeakKeyDictionary()
"""Previews of first stages in memory, which several models may share, by scale and shift of their latents."""


# Any: diffusers' networks are typed loosely.
def fitted_first_stage(
    vae: Any, device: torch.device, scale: float | None = None
) -> ReadFirstStage:
    """A KL first stage that is in memory, with a preview fitted to it; its config's scale unless one is given."""
    scale = float(vae.config.scaling_factor) if scale is None else scale
    shift = float(vae.config.shift_factor or 0.0)
    known = _FITTED.setdefault(vae, {})
    if (scale, shift) not in known:
        alive: Callable[[], Any] = ref(vae)
        known[scale, shift] = Projection(
            lambda latents: decode_latents(alive(), latents / scale + shift),
            int(vae.config.latent_channels),
            device,
        )
    return ReadFirstStage(vae, scale, shift, known[scale, shift])


def noise_levels(
    config: dict[str, Any], published: PublishedLevels = STABLE_DIFFUSION
) -> NoiseLevels:
    """Noise levels of training, from a diffusers scheduler's config; `published` are those of such networks."""
    count = int(config.get("num_train_timesteps", 1000))
    alphas = torch.cumprod(1 - _betas(config, count), 0)
    if config.get("rescale_betas_zero_snr", False):
        alphas = zero_terminal_snr(alphas)
    prediction = str(config.get("prediction_type", "epsilon"))
    levels = NoiseLevels.from_alphas(alphas.tolist(), prediction)
    return replace(levels, published=published)


def _betas(config: dict[str, Any], count: int) -> Tensor:
    start, end = float(config.get("beta_start", 0.0001)), float(config.get("beta_end", 0.02))
    kind = config.get("beta_schedule", "linear")
    if kind == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    if kind == "linear":
        return torch.linspace(start, end, count, dtype=torch.float64)
    if kind == "squaredcos_cap_v2":
        return _cosine_betas(count)
    raise ValueError(
        f"its beta_schedule is {kind!r}; 'scaled_linear', 'linear' or 'squaredcos_cap_v2' was expected."
    )


def _cosine_betas(count: int) -> Tensor:
    """Nichol & Dhariwal 2021, equation 17, and their cap on each beta."""
    times = torch.arange(count + 1, dtype=torch.float64) / count
    kept = ((times + 0.008) / 1.008 * (math.pi / 2)).cos() ** 2
    return (1 - kept[1:] / kept[:-1]).clamp(max=0.999)


def zero_terminal_snr(alphas: Tensor) -> Tensor:
    """Lin et al. 2024, algorithm 1, with a last alpha just above 0 to keep sigma finite."""
    roots = alphas.sqrt()
    roots = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    return (roots**2).clamp(min=ZERO_SNR_ALPHA)
