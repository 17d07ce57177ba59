"""What a job has to do with others. Nothing here changes a picture."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class Grouping(BaseModel):
    """Parameters that a batch sets in each of its jobs."""

    batch: Annotated[
        str,
        Parameter(
            "Batch",
            "Jobs that name the same batch stand together in the queue and in the gallery.",
            None,
            lines=(1, 1),
        ),
    ] = Field("", max_length=32, pattern=r"^[A-Za-z0-9_-]*$")
    source_name: Annotated[
        str,
        Parameter(
            "Source name",
            "Name of the file that the image came from; the picture's file is named after it.",
            None,
            lines=(1, 1),
        ),
    ] = Field("", max_length=200)
