"""What is known of an adapter without loading it: weights that change or steer another model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webui.contracts.ids import AdapterId

AdapterKind = Literal["controlnet", "lora"]
ADAPTER_KINDS: tuple[AdapterKind, ...] = ("controlnet", "lora")


@dataclass(frozen=True)
class AdapterInfo:
    """An adapter as the menu, the API and the worker see it; read from its files' headers."""

    id: AdapterId
    kind: AdapterKind
    """'controlnet': a network that reads a picture beside the model. 'lora': changes to weights."""
    title: str
    """What the menu shows."""
    path: str
    """Absolute path: of the folder of a controlnet, of the file of a lora."""
    bytes: int
    """Size on disk of the weights."""
    reads: str = ""
    """What picture a controlnet wants, such as 'edges' or 'classes'; empty when it does not say."""
    description: str = ""
    """First sentence of its card."""
