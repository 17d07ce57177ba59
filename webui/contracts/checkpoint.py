"""What is known of a checkpoint without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from webui.contracts.ids import ModelId

Task = Literal[
    "text",
    "inpaint",
    "semantic",
    "layout",
    "depth",
    "upscale",
    "class",
    "unconditional",
    "retrieval",
    "edit",
    "variation",
]
TASKS: tuple[Task, ...] = get_args(Task)
"""What a model was made for; all but 'text' want something beside the prompt, or instead of it.

'class' draws one of its classes, 'unconditional' what it was trained on, and 'retrieval' what is like the
pictures that it is given; 'edit' changes a picture as the prompt tells it to, and 'variation' draws another
like the one that it is given.
"""
FileFormat = Literal["diffusers", "safetensors", "pickle", "gguf"]
"""'diffusers' is a folder; the others are single files, 'pickle' one that torch.save wrote."""
DEFAULTED = ("sampler", "schedule", "steps", "guidance_scale", "noise_augmentation")
"""Fields of a request that a model may suggest."""
X4_DEFAULTS = (("noise_augmentation", 0.02),)
"""What suits Stable Diffusion's x4 upscaler: noise of level 20."""
SD3_DEFAULTS = (
    ("sampler", "Euler"), ("schedule", "SGM Uniform"), ("steps", 28), ("guidance_scale", 4.5),
)  # fmt: skip
FLUX_DEFAULTS = (
    ("sampler", "Euler"), ("schedule", "Simple"), ("steps", 20), ("guidance_scale", 1.0),
)  # fmt: skip


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
    task: Task = "text"
    classes: tuple[str, ...] = ()
    """Names that a class map's values or a layout's boxes stand for, by index; empty: it has none."""
    text_width: int = 0
    """Width of the text tokens that its network reads; 0 where it reads none, or is not known to."""
    defaults: tuple[tuple[str, str | int | float], ...] = ()
    """Fields of a request that suit the model, such as ('steps', 4), where a request is silent."""
    format: FileFormat = "diffusers"
    variant: str = ""
    """Of a family with several network shapes, which one, where the path's own files do not say: '2.x'."""
    vocabulary: Literal["", "clip"] = ""
    """Whose tokenizer reads its text, where no part of it is one."""
    parts: tuple[tuple[str, str], ...] = ()
    """Part name to absolute folder, shared ones resolved: ('vae', '/models/starter/text/vae')."""

    reads_text: bool = True
    """Whether a prompt tells it anything."""
    takes_noise: bool = False
    """Whether it is told how noisy its picture is taken to be (`noise_augmentation`)."""
    packed: int = 0
    """How many of its weights stay packed in memory, as in the file."""
    text_parameters: int = 0
    """Of its weights, how many are those of networks that read prompts."""
    trigger_words: tuple[str, ...] = ()
    """What to write into a prompt for its style to show, as its author says."""
    training: tuple[tuple[str, str], ...] = ()
    """What its header says of its training: title and value."""

    @property
    def is_in_parts(self) -> bool:
        """Whether its parts lie in folders of their own, as in a diffusers folder."""
        return self.format == "diffusers" or self.part("scheduler") is not None

    def class_index(self, label: str) -> int | None:
        """Number of the class of a name, or of a number in digits; None where there is none such."""
        wanted = label.strip().lower()
        if wanted.isascii() and wanted.isdigit():
            return int(wanted) if len(wanted) < 10 and int(wanted) < len(self.classes) else None
        return next((i for i, name in enumerate(self.classes) if name.lower() == wanted), None)

    def part(self, name: str) -> str | None:
        """Folder of a part; None when the model has none of this name."""
        return dict(self.parts).get(name)
