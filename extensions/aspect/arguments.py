"""What a request may say to the aspect."""

from typing import Literal

from pydantic import BaseModel, Field

Ratio = Literal["1:1", "5:4", "4:3", "3:2", "16:10", "16:9", "21:9"]


class Aspect(BaseModel):
    """Values under `extensions.aspect` of a request."""

    ratio: Ratio = Field("3:2", title="Ratio", description="Of the longer to the shorter side.")
    upright: bool = Field(False, title="Upright", description="Higher than wide.")
    megapixels: float = Field(
        0.25, ge=0.01, le=4, title="Megapixels", description="0.25 is 512 by 512, 1 is 1024 by 1024."
    )
