"""The settings of a studio, each declared once: what the settings tab shows, HTTP takes and the services obey.

None of them changes what a request draws: `default_model` fills in what a request leaves open, and is recorded with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.fields import FieldInfo

PictureFormat = Literal["PNG", "WebP", "JPEG"]
PreviewMethod = Literal["Automatic", "Projection", "None"]
AT_ONCE = "at once"
NEXT_PICTURE = "from the next picture on"
WHEN_IDLE = "as soon as no picture is being drawn: the engine is started anew"
USUAL_PATTERN = "[date]/[time]-[source]-[seed]-[id]"
PLACES: Mapping[str, str] = {
    "date": "2026-11-21", "time": "014405", "datetime": "20261121014405", "seed": "the seed", "id": "of the picture",
    "source": "name of the file that a batch drew it from", "prompt": "the prompt, shortened",
    "prompt_words": "its first eight words", "model_name": "the model's", "sampler": "the sampler's",
    "scheduler": "the schedule's", "steps": "their number", "cfg": "the guidance scale", "denoising": "the strength",
    "width": "in pixels", "height": "in pixels", "batch_number": "place within its job, from 1",
    "task": "txt2img, img2img or inpaint",
}  # fmt: skip
"""What may stand in brackets in a pattern of file names, and what it becomes; names as in AUTOMATIC1111."""
_PLACE = re.compile(r"\[([^\[\]]*)\]")
_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f]')


@dataclass(frozen=True)
class Setting:
    """What a control needs of a setting beyond its type and range."""

    section: str
    title: str
    help: str
    """One sentence."""
    applies: str
    """When a change is obeyed."""
    step: float | None = None
    zero: str = ""
    """What 0 or nothing means, where that is not its plain meaning."""
    names_model: bool = False
    """Whether it is the id of a checkpoint, or empty."""
    names_folder: bool = False
    """Whether it is a path of this machine, which nobody from outside is told."""


class Preferences(BaseModel):
    """All settings; what is not set is as usual."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_name_pattern: Annotated[
        str,
        Setting(
            "Pictures",
            "File names",
            "Names of new pictures below the outputs folder, without their ending: words in [brackets] are filled in, / begins a folder.",
            NEXT_PICTURE,
        ),
    ] = Field(USUAL_PATTERN, min_length=1, max_length=200)
    outputs_folder: Annotated[
        str,
        Setting(
            "Pictures",
            "Folder",
            "Where new pictures go: a whole path. Pictures that are there already stay where they are, and in the gallery.",
            NEXT_PICTURE,
            zero="outputs in the data folder",
            names_folder=True,
        ),
    ] = Field("", max_length=500)
    picture_format: Annotated[
        PictureFormat,
        Setting(
            "Pictures",
            "Format",
            "PNG keeps every pixel and everything that was asked for; JPEG and WebP are smaller and hold AUTOMATIC1111's text of it.",
            NEXT_PICTURE,
        ),
    ] = "PNG"
    picture_quality: Annotated[
        int,
        Setting("Pictures", "Quality", "Of JPEG and WebP; a WebP of quality 100 keeps every pixel.", NEXT_PICTURE),
    ] = Field(92, ge=1, le=100)  # fmt: skip
    picture_metadata: Annotated[
        bool,
        Setting(
            "Pictures",
            "Write how it was made",
            "Prompt and settings are written into each picture's file; the gallery knows them either way.",
            NEXT_PICTURE,
        ),
    ] = True
    picture_text_file: Annotated[
        bool,
        Setting(
            "Pictures",
            "Write a text file beside",
            "A .txt with AUTOMATIC1111's text of how it was made, named as the picture.",
            NEXT_PICTURE,
        ),
    ] = False
    preview_method: Annotated[
        PreviewMethod,
        Setting(
            "Previews",
            "Method",
            "How unfinished pictures are shown: by TAESD where one is installed (Automatic), as a quick projection of the latent, or not at all.",
            NEXT_PICTURE,
        ),
    ] = "Automatic"
    preview_seconds: Annotated[
        float,
        Setting("Previews", "Interval", "Seconds from one preview of a job to the next, at least.", NEXT_PICTURE, step=0.05),
    ] = Field(0.25, ge=0.05, le=60.0, allow_inf_nan=False)  # fmt: skip
    memory_gib: Annotated[
        float,
        Setting(
            "Engine",
            "Memory for models (GiB)",
            "How much the weights of models may take together; what was used longest ago goes first.",
            WHEN_IDLE,
            step=0.5,
            zero="automatic: half of the memory, or 70 % of a GPU's",
        ),
    ] = Field(0.0, ge=0.0, le=4096.0, allow_inf_nan=False)
    threads: Annotated[
        int,
        Setting("Engine", "Threads", "Processor threads that one computation may use.", WHEN_IDLE, zero="automatic"),
    ] = Field(0, ge=0, le=1024)  # fmt: skip
    bfloat16: Annotated[
        bool,
        Setting("Engine", "bfloat16", "Compute in bfloat16 on a processor that multiplies in it: faster, a little coarser.", WHEN_IDLE),
    ] = False  # fmt: skip
    compile: Annotated[
        bool,
        Setting("Engine", "Compile", "Compile models on a GPU: minutes at the first use of a size, then faster steps.", WHEN_IDLE),
    ] = False  # fmt: skip
    cuda_graphs: Annotated[
        bool,
        Setting("Engine", "CUDA graphs", "Record models on a GPU, per size: faster steps of small models.", WHEN_IDLE),
    ] = False  # fmt: skip
    default_model: Annotated[
        str,
        Setting(
            "Defaults",
            "Model",
            "What draws where a request names no model, and what forms begin with that have none yet.",
            AT_ONCE,
            zero="automatic: the starter, or else the first that draws from text",
            names_model=True,
        ),
    ] = Field("", max_length=500)

    @field_validator("file_name_pattern")
    @classmethod
    def _can_name_files(cls, pattern: str) -> str:
        unknown = [name for name in _PLACE.findall(pattern) if name not in PLACES]
        if unknown:
            raise ValueError(f"none but {', '.join(f'[{name}]' for name in PLACES)} in brackets")
        if _FORBIDDEN.search(pattern) or "[" in _PLACE.sub("", pattern):
            raise ValueError('no \\ : * ? " < > | and no bracket without its partner')
        parts = pattern.split("/")
        if any(part.strip() in ("", ".", "..") or part.startswith(".") for part in parts):
            raise ValueError("names between single /, none of which is empty or begins with a dot")
        return pattern

    @field_validator("outputs_folder")
    @classmethod
    def _is_plain_path(cls, folder: str) -> str:
        path = Path(folder)
        plain = path.is_absolute() and ".." not in path.parts and folder.isprintable()
        if folder and (not plain or path == Path(path.anchor)):
            raise ValueError(
                "the whole path of a folder, without '..', such as '/home/ann/pictures'"
            )
        return folder


ENGINE = ("memory_gib", "threads", "bfloat16", "compile", "cuda_graphs")
"""Settings that the engine is started with."""


@dataclass(frozen=True)
class DeclaredSetting:
    """A setting as a form shows it."""

    name: str
    said: Setting
    kind: str
    """'bool', 'int', 'float', 'text' or 'choice'."""
    usual: str | float | bool
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def fill_in(pattern: str, values: Mapping[str, str]) -> str:
    """A pattern with its places filled in; what is empty takes the dash before it along."""
    empty = "\0"
    text = _PLACE.sub(lambda place: values.get(place[1], "") or empty, pattern)
    parts = (re.sub(rf"[-_ .]?{empty}", "", part).strip("-_ .") for part in text.split("/"))
    return "/".join(part for part in parts if part)


def _declared(name: str, info: FieldInfo) -> DeclaredSetting:
    said = next(m for m in info.metadata if isinstance(m, Setting))
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    # Any: what a type annotation is, has no type.
    kinds: dict[Any, str] = {bool: "bool", int: "int", float: "float", str: "text"}
    kind = "choice" if choices or said.names_model else kinds[info.annotation]
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    return DeclaredSetting(name, said, kind, info.default, low, high, choices)


SETTINGS: tuple[DeclaredSetting, ...] = tuple(
    _declared(name, info) for name, info in Preferences.model_fields.items()
)
"""In the order of the tab."""
