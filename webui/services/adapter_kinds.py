"""The kinds of adapters that are single files: in which folders they lie, and what describes them.

The folders are those of AUTOMATIC1111 and ComfyUI. What a file is decides its content; the innermost telling folder
says what it is looked at as.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import PICKLED, PICTURE, describe_embedding
from webui.services.control_files import describe_control_file
from webui.services.hypernetwork_files import describe_hypernetwork
from webui.services.image_encoder_files import describe_image_encoder
from webui.services.lora_files import describe_lora
from webui.services.upscaler_files import describe_upscaler
from webui.services.vae_files import describe_vae
from webui.weights.read import ENDINGS

LORA_FOLDERS = ("lora", "loras", "lycoris")
Describe = Callable[[Path, AdapterId], AdapterInfo | None]
"""None where there is nothing to say of a file; raises NotAModel or BrokenModel with the reason."""


@dataclass(frozen=True)
class FileKind:
    """A kind of adapter."""

    kind: AdapterKind
    folders: tuple[str, ...]
    """Names, lower case, of folders in which it lies."""
    endings: tuple[str, ...]
    """Of its files, lower case."""
    describe: Describe


KINDS: tuple[FileKind, ...] = (
    FileKind("lora", LORA_FOLDERS, ENDINGS, describe_lora),
    FileKind(
        "embedding",
        ("embedding", "embeddings", "textual_inversion"),
        (".safetensors", *PICKLED, PICTURE),
        describe_embedding,
    ),
    FileKind(
        "upscaler",
        (
            "upscaler",
            "upscalers",
            "upscale_models",
            "esrgan",
            "realesrgan",
            "swinir",
            "dat",
            "hat",
            "scunet",
        ),
        ENDINGS,
        describe_upscaler,
    ),
    FileKind("hypernetwork", ("hypernetwork", "hypernetworks"), ENDINGS, describe_hypernetwork),
    FileKind(
        "vae",
        ("vae", "vaes", "vae_approx", "vae-approx", "vae-taesd", "taesd"),
        ENDINGS,
        describe_vae,
    ),
    FileKind(
        "controlnet",
        (
            "controlnet",
            "controlnets",
            "t2i_adapter",
            "t2i-adapter",
            "t2iadapter",
            "ipadapter",
            "ip_adapter",
            "ip-adapter",
            "ipadapters",
            "ip-adapters",
        ),
        ENDINGS,
        describe_control_file,
    ),
    FileKind(
        "image_encoder",
        ("image_encoder", "image_encoders", "clip_vision"),
        ENDINGS,
        describe_image_encoder,
    ),
)


def kind_at(relative: PurePath) -> FileKind | None:
    """What files are that lie at a path: what the innermost telling folder around them says."""
    for name in (part.lower() for part in reversed(relative.parts[:-1])):
        for kind in KINDS:
            if name in kind.folders:
                return kind
    return None
