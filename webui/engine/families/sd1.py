"""Stable Diffusion 1 and 2 and everything of that shape: text tokens, UNet, KL first stage.

Reads a diffusers folder by component; sizes come from the components' own config files.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.engine.denoisers import NoiseLevels
from webui.engine.first_stage import decode_latents
from webui.engine.model import LoadedModel
from webui.engine.previews import fit_projection
from webui.prompt.tokens import TokenFrame

log = logging.getLogger(__name__)

ZERO_SNR_ALPHA = 2.0**-24


def load(checkpoint: CheckpointInfo, device: torch.device) -> LoadedModel:
    """Read a diffusers folder.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    try:
        return _load(checkpoint, device)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise BrokenModel(
            f"The model {checkpoint.id!r} cannot be loaded from {checkpoint.path!r}: {error} "
            "Download or train it again."
        ) from error


def noise_levels(config: dict[str, Any]) -> NoiseLevels:
    """Noise levels of training, from a diffusers scheduler's config."""
    count = int(config.get("num_train_timesteps", 1000))
    alphas = torch.cumprod(1 - _betas(config, count), 0)
    if config.get("rescale_betas_zero_snr", False):
        alphas = _zero_terminal_snr(alphas)
    prediction = str(config.get("prediction_type", "epsilon"))
    return NoiseLevels.from_alphas(alphas.tolist(), prediction)


def compute_dtype(device: torch.device, stored: str) -> torch.dtype:
    """Half precision on a GPU; on a CPU it is slower than float32, so float32."""
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if stored == "BF16" else torch.float16


def _load(checkpoint: CheckpointInfo, device: torch.device) -> LoadedModel:
    folder = Path(checkpoint.path)
    dtype = compute_dtype(device, checkpoint.dtype)
    unet = _component(UNet2DConditionModel, folder / "unet", device, dtype)
    vae = _component(AutoencoderKL, folder / "vae", device, dtype)
    text_encoder = _component(CLIPTextModel, folder / "text_encoder", device, dtype)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    scale, shift = float(vae.config.scaling_factor), float(vae.config.shift_factor or 0.0)

    with torch.inference_mode():
        preview = fit_projection(
            lambda latents: decode_latents(vae, latents / scale + shift),
            int(vae.config.latent_channels),
            device,
        )
    networks: tuple[nn.Module, ...] = (unet, vae, text_encoder)
    return LoadedModel(
        checkpoint=checkpoint,
        device=device,
        dtype=dtype,
        text_encoder=text_encoder,
        tokenize=lambda text: _token_ids(tokenizer, text),
        frame=_frame(tokenizer, int(text_encoder.config.max_position_embeddings)),
        unet=unet,
        vae=vae,
        latent_scale=scale,
        latent_shift=shift,
        levels=noise_levels(scheduler),
        bytes=sum(p.numel() * p.element_size() for n in networks for p in n.parameters()),
        preview=preview,
    )


# Any: diffusers' and transformers' from_pretrained are not typed alike.
def _component(kind: Any, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    name = "dtype" if kind is CLIPTextModel else "torch_dtype"
    network = kind.from_pretrained(folder, local_files_only=True, **{name: dtype})
    network = network.eval().requires_grad_(False)
    # Convolutions read channels last faster, on CPUs and on GPUs with half precision.
    return network.to(device, memory_format=torch.channels_last)


def _frame(tokenizer: Any, length: int) -> TokenFrame:
    pad = tokenizer.pad_token_id
    end = tokenizer.eos_token_id
    return TokenFrame(tokenizer.bos_token_id, end, end if pad is None else pad, length)


def _token_ids(tokenizer: Any, text: str) -> list[int]:
    encoded = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
    return [int(token) for token in encoded.input_ids]


def _betas(config: dict[str, Any], count: int) -> Tensor:
    start, end = float(config.get("beta_start", 0.0001)), float(config.get("beta_end", 0.02))
    kind = config.get("beta_schedule", "linear")
    if kind == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    if kind == "linear":
        return torch.linspace(start, end, count, dtype=torch.float64)
    raise ValueError(f"its beta_schedule is {kind!r}; 'scaled_linear' or 'linear' was expected.")


def _zero_terminal_snr(alphas: Tensor) -> Tensor:
    """Lin et al. 2024, algorithm 1, with a last alpha just above 0 to keep sigma finite."""
    roots = alphas.sqrt()
    roots = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    return (roots**2).clamp(min=ZERO_SNR_ALPHA)
