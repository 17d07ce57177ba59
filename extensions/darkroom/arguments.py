"""What an order may say to the darkroom; as it stands, each leaves a picture as it is."""

from pydantic import BaseModel, Field

FINE = {"step": 0.05}


class Darkroom(BaseModel):
    """How a picture is developed."""

    look: str = Field("", max_length=500, title="Look", description="Words put behind the prompt: film, light, mood.")
    variety: float = Field(
        0, ge=0, le=1, title="Variety", description="Noise mixed into what the network is told, for bolder pictures.",
        json_schema_extra=FINE,
    )
    extra_noise: float = Field(
        0, ge=0, le=1, title="Extra noise", description="Added at the first step, for more small things.",
        json_schema_extra=FINE,
    )
    coarse_guidance: float = Field(
        1, ge=0, le=3, title="Coarse guidance", description="Share of the guidance's broad forms and colours.",
        json_schema_extra=FINE,
    )
    fine_guidance: float = Field(
        1, ge=0, le=3, title="Fine guidance", description="Share of the guidance's small forms.",
        json_schema_extra=FINE,
    )
    centre: float = Field(
        0, ge=0, le=1, title="Centre", description="How far the guess's channels are drawn to a mean of 0: against tints.",
        json_schema_extra=FINE,
    )
    contrast: float = Field(
        1, ge=0.5, le=2, title="Contrast", description="Of the clean latent, before it is decoded.", json_schema_extra=FINE
    )
    grain: float = Field(0, ge=0, le=1, title="Grain", description="Of film, on the finished picture.", json_schema_extra=FINE)
