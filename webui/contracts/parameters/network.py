"""How the networks themselves work otherwise while a picture is drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class NetworkParameters(BaseModel):
    """Settings of networks; all are off where left alone."""

    clip_skip: Annotated[
        int,
        Parameter(
            "Clip skip",
            "Layers of the text encoder that are left out at its end, and one; 1 leaves out none.",
            "Clip skip",
        ),
    ] = Field(1, ge=1, le=12)
    tiling: Annotated[
        bool,
        Parameter("Tiling", "Draw a picture whose edges meet, to lay beside itself.", "Tiling"),
    ] = Field(False)
    pag_scale: Annotated[
        float,
        Parameter(
            "Perturbed-attention scale",
            "Guides away from what the network sees without looking around (PAG); 0 is off.",
            "PAG Scale",
            step=0.5,
            soft_maximum=10,
        ),
    ] = Field(0.0, ge=0.0, le=30.0, allow_inf_nan=False)
    sag_scale: Annotated[
        float,
        Parameter(
            "Self-attention scale",
            "Guides away from a picture blurred where the network looks (SAG): twice the time; 0 is off.",
            "SAG Scale",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(0.0, ge=0.0, le=5.0, allow_inf_nan=False)
    sag_blur: Annotated[
        float,
        Parameter(
            "Self-attention blur",
            "Cells that self-attention guidance blurs by.",
            "SAG Blur Sigma",
            step=0.1,
            soft_maximum=5,
        ),
    ] = Field(1.0, ge=0.1, le=10.0, allow_inf_nan=False)
    freeu_b1: Annotated[
        float,
        Parameter(
            "FreeU b1",
            "Strength of the deepest backbone features; 1 is as trained, 1.1 to 1.5 is usual.",
            "FreeU B1",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(1.0, ge=0.0, le=4.0, allow_inf_nan=False)
    freeu_b2: Annotated[
        float,
        Parameter(
            "FreeU b2",
            "Strength of the next backbone features; 1 is as trained, 1.2 to 1.6 is usual.",
            "FreeU B2",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(1.0, ge=0.0, le=4.0, allow_inf_nan=False)
    freeu_s1: Annotated[
        float,
        Parameter(
            "FreeU s1",
            "Strength of the deepest skip features' low frequencies; 1 is as trained.",
            "FreeU S1",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(1.0, ge=0.0, le=4.0, allow_inf_nan=False)
    freeu_s2: Annotated[
        float,
        Parameter(
            "FreeU s2",
            "Strength of the next skip features' low frequencies; 1 is as trained.",
            "FreeU S2",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(1.0, ge=0.0, le=4.0, allow_inf_nan=False)
