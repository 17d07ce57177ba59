"""What is known of an adapter without loading it: weights that change or steer another model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webui.contracts.ids import AdapterId

AdapterKind = Literal[
    "controlnet",
    "lora",
    "embedding",
    "upscaler",
    "vae",
    "hypernetwork",
    "image_encoder",
    "segmenter",
]

Transformer = Literal["flux", "sd3"]
"""Families of transformers that adapters steer."""


@dataclass(frozen=True)
class AdapterInfo:
    """An adapter as the menu, the API and the worker see it; read from its files' headers."""

    id: AdapterId
    kind: AdapterKind
    """'controlnet': a network that reads a picture beside the model, T2I-Adapters and IP-Adapters too. 'lora': changes to
    weights.
    'embedding': vectors that a text encoder reads where the prompt has its name. 'upscaler': a network that
    enlarges finished pictures. 'vae': a first stage that takes the place of a model's.
    'hypernetwork': small networks before the keys and values of attention. 'image_encoder': what looks at pictures for
    IP-Adapters. 'segmenter': what says of each pixel of a photograph which class it shows."""
    title: str
    """What the menu shows."""
    path: str
    """Absolute path: of the folder of a controlnet, of the file of the others."""
    bytes: int
    """Size on disk of the weights."""
    reads: str = ""
    """What picture a controlnet wants, such as 'edges' or 'classes'; empty when it does not say."""
    description: str = ""
    """First sentence of its card."""
    vectors: int = 0
    """Places that an embedding takes in a prompt."""
    base: str = ""
    """What kind of model it is made for, such as 'SDXL'; empty when its file does not tell."""
    text_width: int = 0
    """Width of the text tokens of the models that it is made for; 0 when its file does not tell."""
    trigger_words: tuple[str, ...] = ()
    """What to write into a prompt for it to show, as its author says."""
    tags: tuple[str, ...] = ()
    """The words that stood most often beside the pictures that it was trained on."""
    training: tuple[tuple[str, str], ...] = ()
    """What its header says of its training: title and value."""
    hash: str = ""
    """sha256 of its tensors where its header states it; AUTOMATIC1111 shows the first 12 digits."""

    is_t2i: bool = False
    """Whether what reads a picture is a T2I-Adapter (Mou et al. 2023), not a controlnet."""
    kinds: tuple[str, ...] = ()
    """The kinds of pictures that a union controlnet reads; empty for one of one kind."""
    network: Transformer | None = None
    """The transformer that a controlnet or IP-Adapter is made for; None for a UNet."""
    pooled_width: int = 0
    """Width of what an image encoder says of a picture as a whole; of an IP-Adapter or style adapter: of what it is told of one."""
    patch_width: int = 0
    """The same of each patch of the picture; an IP-Adapter is told one of the two, and the other is 0."""
    classes: tuple[str, ...] = ()
    """What a segmenter tells apart, by number."""
    is_tiny: bool = False
    """Whether a first stage is TAESD, which is quick enough for previews."""

    @property
    def needs_encoder(self) -> bool:
        """Whether it is told of pictures by an image encoder beside it."""
        return self.kind == "controlnet" and (self.pooled_width > 0 or self.patch_width > 0)

    @property
    def is_style_adapter(self) -> bool:
        """Whether it is the style adapter among T2I-Adapters, whose tokens stand behind those of the text."""
        return self.needs_encoder and self.is_t2i

    @property
    def is_ip_adapter(self) -> bool:
        """Whether what reads a picture is an IP-Adapter (Ye et al. 2023)."""
        return self.needs_encoder and not self.is_t2i

    def is_told_by(self, encoder: AdapterInfo) -> bool:
        """Whether an image encoder says what this IP-Adapter is told of pictures."""
        said, told = (
            (encoder.pooled_width, encoder.patch_width),
            (self.pooled_width, self.patch_width),
        )
        return encoder.kind == "image_encoder" and all(
            w in (0, s) for w, s in zip(told, said, strict=True)
        )

    @property
    def name(self) -> str:
        """Its file's name, by which a prompt names it: the last part of its id."""
        return self.id.rsplit("/", 1)[-1]
