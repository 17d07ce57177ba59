"""Less arithmetic for a picture that is a little another one. All of it is off unless asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class Savings(BaseModel):
    """What a picture may do without."""

    deep_cache_interval: Annotated[
        int,
        Parameter(
            "DeepCache interval",
            "The deep part of the network is computed every so many steps and reused between; 1 is exact.",
            "DeepCache interval",
            soft_maximum=5,
        ),
    ] = Field(1, ge=1, le=20)
    eight_bits: Annotated[
        bool,
        Parameter(
            "Eight bits",
            "A processor multiplies in eight bits (VNNI): faster, and a little another picture. Elsewhere it is exact.",
            "Eight bits",
        ),
    ] = False
    token_merging_ratio: Annotated[
        float,
        Parameter(
            "Token merging ratio",
            "Share of the picture's tokens that stand in for one another in self-attention; 0 is exact.",
            "Token merging ratio",
            step=0.05,
            soft_maximum=0.75,
        ),
    ] = Field(0.0, ge=0.0, le=0.75, allow_inf_nan=False)
