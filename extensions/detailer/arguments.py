"""What an order may say to the detailer."""

from typing import Literal

from pydantic import BaseModel, Field


class Detailer(BaseModel):
    """Which parts are drawn again, and how."""

    find: Literal["things", "faces"] = Field(
        "things", title="Find", description="'things' are what stands out of the picture, whatever it is."
    )
    strength: float = Field(
        0.3, ge=0, le=1, title="Strength", description="How far a part is led away from what it was.",
        json_schema_extra={"step": 0.05},
    )
    padding: float = Field(
        0.4, ge=0, le=2, title="Padding", description="What is shown around a part, as a share of its longer side.",
        json_schema_extra={"step": 0.05},
    )
    size: int = Field(
        0, ge=0, le=2048, title="Size", description="Longer side in pixels that a part is drawn at; 0 is the model's own.",
        json_schema_extra={"step": 64},
    )
    most: int = Field(4, ge=1, le=32, title="Most", description="Parts that are drawn again, the largest first.")
    prompt: str = Field("", max_length=2000, title="Prompt", description="Words for the parts; empty takes the picture's.")
