"""Running a first stage (autoencoder) of diffusers' shape, in the precision that it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from webui.engine.memory import is_out_of_memory, release_memory

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


Tell = Callable[[str], None]
"""Is given a sentence that a person should read."""


def decode_latents(vae: FirstStage, latents: Tensor, tell: Tell = log.warning) -> Tensor:
    """Pictures (N, 3, H, W), about [-1, 1], of unscaled latents (N, C, h, w)."""
    return _finite(vae, latents, lambda z: vae.decode(z, return_dict=False)[0], tell)


def encode_pixels(vae: FirstStage, pixels: Tensor, tell: Tell = log.warning) -> Tensor:
    """Unscaled latents (N, C, h, w) of pixels in [-1, 1]: the most likely ones."""
    return _finite(vae, pixels, lambda x: _latents(vae.encode(x, return_dict=False)[0]), tell)


# Any: a diffusers distribution, or a tensor.
def _latents(encoded: Any) -> Tensor:
    latents: Tensor = encoded if isinstance(encoded, Tensor) else encoded.mode()
    return latents


def _finite(vae: FirstStage, inputs: Tensor, run: Callable[[Tensor], Tensor], tell: Tell) -> Tensor:
    """Run in the first stage's precision; once that overflows, in a wider one for good.

    That of SDXL and some merges of SD 1 overflow in float16. float32 is tried first; where it does not
    fit the memory, bfloat16, which has its range and a coarser grain. What is no number already when
    it comes is not the first stage's fault, and changes nothing.
    """
    dtype = next(vae.parameters()).dtype
    result = run(inputs.to(dtype))
    if not _overflowed(inputs, result):
        return result
    for wider in _WIDER.get(dtype, ()):
        try:
            vae.to(wider)
            result = run(inputs.to(wider))
        except Exception as error:
            # Half a network in one precision and half in another runs in neither.
            vae.to(dtype)
            if wider is _WIDER[dtype][-1] or not is_out_of_memory(error):
                raise
            release_memory()
            continue
        tell(
            f"The first stage (VAE) overflows in {_name(dtype)}; it runs in {_name(wider)} from now "
            "on, which is slower."
        )
        return result
    return result


_WIDER = {torch.float16: (torch.float32, torch.bfloat16), torch.bfloat16: (torch.float32,)}
"""What a precision gives way to, the best first."""


def _overflowed(inputs: Tensor, result: Tensor) -> bool:
    """Whether a row became what is no number."""
    good = inputs.flatten(1).isfinite().all(1)
    return not bool(result.flatten(1).isfinite().all(1)[good].all())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
