"""What a request may say."""

from pydantic import BaseModel, Field


class DeepShrink(BaseModel):
    """How much, and for how long."""

    factor: float = Field(2.0, ge=1, le=4, title="Factor", description="How much smaller the inner levels see the picture.")
    until: float = Field(0.35, ge=0, le=1, title="Until", description="The share of the steps that are drawn so.")
