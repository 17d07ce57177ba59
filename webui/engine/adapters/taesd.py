"""TAESD from a file of any layout, as diffusers' network."""

from __future__ import annotations

from typing import Any, NoReturn

from torch import Tensor, nn

from webui.contracts.errors import JobFailed
from webui.engine.weights import Weights, open_weights
from webui.weights.taesd_files import encoder_beside, latent_channels, taesd_names

TAESD_LEVELS = 4
"""Of both sides; three of them halve or double the size."""


# Any: diffusers' classes are typed loosely.
def load_taesd(file: Weights) -> Any:
    """The network with its weights, in float32.

    An encoder in a file of its own is read where it lies beside the decoder's
    (`taesd_encoder.pth` beside `taesd_decoder.pth`); without one the network decodes only.
    """
    # With the first file: diffusers takes seconds to import.
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny  # noqa: PLC0415

    weights = _named(file)
    beside = encoder_beside(file.path)
    if beside is not None and not _encodes(weights):
        weights |= {
            name: t for name, t in _named(open_weights(beside)).items() if _is_of_encoder(name)
        }
    net: Any = AutoencoderTiny(latent_channels=latent_channels(file.header.shapes))
    if not _encodes(weights):
        net.encoder = _NoEncoder(file.path.name)
    net.load_state_dict(weights, strict=True)
    return net.float()


class _NoEncoder(nn.Module):
    """Stands where the encoder is missing."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def forward(self, _: Tensor) -> NoReturn:
        """Say what is missing.

        Raises:
            JobFailed: always.
        """
        raise JobFailed(
            f"The VAE {self._name!r} is a decoder alone, and a picture is to be encoded. Put its encoder beside "
            "it, under the same name with 'encoder' for 'decoder', or choose another VAE."
        )


def _named(file: Weights) -> dict[str, Tensor]:
    """Diffusers' names to tensors of our own: the file may be replaced while it is mapped."""
    return {name: file[own].clone() for name, own in taesd_names(file.header.shapes).items()}


def _encodes(weights: dict[str, Tensor]) -> bool:
    return any(map(_is_of_encoder, weights))


def _is_of_encoder(name: str) -> bool:
    return name.startswith("encoder.")
