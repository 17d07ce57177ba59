"""What a signature is asked about and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from webui.contracts.checkpoint import Task
from webui.weights.header import WeightsHeader


@dataclass(frozen=True)
class WeightsFile:
    """A file that is to be identified, and what lies beside it."""

    path: Path
    header: WeightsHeader
    # Any: JSON that a person wrote.
    said: Mapping[str, Any] = field(default_factory=dict)
    """What the person says of it in the .json beside it; wins over what is found out."""
    index: Mapping[str, Any] = field(default_factory=dict)
    """`model_index.json` of a diffusers folder, whose tensors are named 'part.tensor'; empty for a file."""


@dataclass(frozen=True)
class Facts:
    """What a family says of a file that it can load."""

    task: Task
    prediction: str
    """'epsilon' or 'v_prediction'."""
    latent_channels: int
    latent_factor: int
    """Pixels per latent cell along a side."""
    native_size: int
    """Pixels along a side; what it was trained at."""
    variant: str = ""
    """See `CheckpointInfo.variant`."""
    vocabulary: Literal["", "clip"] = ""
    """See `CheckpointInfo.vocabulary`."""
    defaults: tuple[tuple[str, str | int | float], ...] = ()
    """Fields of a request that suit it."""
    classes: tuple[str, ...] = ()
    """See `CheckpointInfo.classes`."""
    reads_text: bool = True
    text_width: int = 0
    """Width of the text tokens that it reads; 0 for none."""
    parts: tuple[tuple[str, str], ...] = ()
    """Files that it needs beside itself, by part, absolute."""
    family: str = field(default="", kw_only=True)
    """As in the engine's table of families; an extension leaves it out, for Easel knows whose it is."""


@dataclass(frozen=True)
class No:
    """A family's answer to a file that is not its own."""

    reason: str
    """A sentence."""


Describe = Callable[[WeightsFile], Facts | No]
"""Raises BrokenModel for a file of the family that is damaged."""


@dataclass(frozen=True)
class Signature:
    """How files of a family are known."""

    family: str
    describe: Describe
