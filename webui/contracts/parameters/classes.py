"""What a class-conditional model draws."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class ClassChoice(BaseModel):
    """For models that draw one of their classes."""

    class_label: Annotated[
        str,
        Parameter(
            "Class",
            "What a class-conditional model draws: one of its classes, by name or number.",
            "Class label",
        ),
    ] = Field("", max_length=100)
