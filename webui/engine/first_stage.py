"""Running a first stage (autoencoder) of diffusers' shape, in the precision that it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)


class FirstStage(Protocol):
    """What is used of diffusers' AutoencoderKL and VQModel."""

    # Any: diffusers' outputs are typed loosely.
    def encode(self, x: Tensor, *, return_dict: bool) -> Any:
        """A tuple of one distribution of latents, or of the latents themselves (VQModel)."""
        ...

    def decode(self, z: Tensor, *, return_dict: bool) -> Any:
        """A tuple that begins with a batch of pictures; VQModel quantises the latents first."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Weights."""
        ...

    def to(self, dtype: torch.dtype) -> Any:
        """Change the precision in place."""
        ...


def decode_latents(vae: FirstStage, latents: Tensor) -> Tensor:
    """Pictures (N, 3, H, W), about [-1, 1], of unscaled latents (N, C, h, w)."""
    return _finite(vae, latents, lambda z: vae.decode(z, return_dict=False)[0])


def encode_pixels(vae: FirstStage, pixels: Tensor) -> Tensor:
    """Unscaled latents (N, C, h, w) of pixels in [-1, 1]: the most likely ones."""
    return _finite(vae, pixels, lambda x: _latents(vae.encode(x, return_dict=False)[0]))


# Any: a diffusers distribution, or a tensor.
def _latents(encoded: Any) -> Tensor:
    latents: Tensor = encoded if isinstance(encoded, Tensor) else encoded.mode()
    return latents


def _finite(vae: FirstStage, inputs: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
    """Run in the first stage's precision; once that overflows, in float32 for good.

    That of SDXL and some merges of SD 1 overflow in half precision.
    """
    dtype = next(vae.parameters()).dtype
    result = run(inputs.to(dtype))
    if dtype == torch.float32 or bool(result.isfinite().all()):
        return result
    log.warning("The first stage overflows in %s; it runs in float32 from now on.", dtype)
    vae.to(torch.float32)
    return run(inputs.float())
