"""What is known of a checkpoint without loading it."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.ids import ModelId


@dataclass(frozen=True)
class CheckpointInfo:
    """A model as the menu, the API and the worker see it; read from its files' headers."""

    id: ModelId
    title: str
    """What the menu shows."""
    family: str
    """Id of the family that loads it, such as 'sd1' ('starter' models are of this shape)."""
    path: str
    """Absolute path of the folder or file."""
    bytes: int
    """Size on disk of the weights."""
    parameters: int
    """Number of weights."""
    dtype: str
    """Storage type of most weights, as in safetensors: 'F16'."""
    prediction: str
    """'epsilon' or 'v_prediction'."""
    latent_channels: int
    latent_factor: int
    """Pixels per latent cell along a side."""
    native_width: int
    """Pixels; what the model was trained at."""
    native_height: int
    description: str = ""
    """First sentence of its card."""
