"""An order for many pictures with the same settings, each from an image of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from webui.contracts.conditions import IMAGE_ID_PATTERN
from webui.contracts.ids import BatchId, ImageId
from webui.contracts.job import Job
from webui.contracts.request import GenerationRequest

MAX_PICTURES = 200
"""Most images of one batch: an order of them is answered within a minute or two."""
OWN_FIELDS = (
    "prompt", "negative_prompt", "seed", "guidance_scale", "sampler", "schedule", "steps", "model",
)  # fmt: skip
"""What an image may bring along of how it was made."""


class BatchImage(BaseModel):
    """One image of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: ImageId = Field(pattern=IMAGE_ID_PATTERN, description="Id of an uploaded image.")
    mask: ImageId | None = Field(None, pattern=IMAGE_ID_PATTERN, description="White: redraw.")
    name: str = Field("", max_length=200, description="Of its file; the result is named after it.")
    # Any: values of a request, which are checked as one.
    own: dict[str, Any] = Field(
        {}, description=f"Settings of its own, of {', '.join(OWN_FIELDS)}; prompts are put behind."
    )


class Following(BaseModel):
    """A control that reads each image of a batch, in place of the one picture that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control: int = Field(ge=0, description="Its place among the request's `controls`, from 0.")
    preprocessor: str = Field(
        "", max_length=100,
        description="What makes its picture of the image, a name of GET /preprocessors; empty: it reads the image.",
    )  # fmt: skip
    settings: dict[str, float] = Field(
        {}, max_length=20, description="Of the preprocessor; those left out are the usual ones."
    )


class BatchOrder(BaseModel):
    """One job an image. Images are named one by one, or by a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: GenerationRequest = Field(description="What all have in common; without an image.")
    images: tuple[BatchImage, ...] = Field((), max_length=MAX_PICTURES)
    folder: str = Field("", max_length=500, description="A folder below `inputs`, by its name.")
    masks: str = Field(
        "", max_length=500,
        description="A folder below `inputs` whose masks have the images' names; one alone is for all.",
    )  # fmt: skip
    take: tuple[str, ...] = Field(
        (), max_length=len(OWN_FIELDS),
        description="What is taken from the files of the folder, where they say how they were made.",
    )  # fmt: skip
    following: tuple[Following, ...] = Field(
        (), max_length=20, description="Controls that read each image; others read the same picture for all."
    )  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """An image of which no job was made."""

    name: str
    """Of its file."""
    reason: str
    """A sentence."""


@dataclass(frozen=True)
class Batch:
    """What became of an order."""

    id: BatchId
    jobs: tuple[Job, ...]
    refused: tuple[Refused, ...]
