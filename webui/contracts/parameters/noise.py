"""Where a picture's noise comes from, beyond its seed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter
from webui.contracts.parameters.drawing import MAX_SEED, SIZE_MULTIPLE

PHILOX, CPU = "Philox", "CPU"
NOISE_SOURCES = (PHILOX, CPU)
NOISE_SOURCE_ALIASES = {"nv": PHILOX, "gpu": PHILOX, "torch": CPU}
"""AUTOMATIC1111's 'GPU' and 'NV' draw the numbers that a CUDA device draws, which are Philox's."""


class NoiseParameters(BaseModel):
    """Fine settings of seeds."""

    noise_source: Annotated[
        str,
        Parameter(
            "Noise source",
            "Philox gives the noise of a CUDA device on any machine, CPU that of PyTorch on a processor.",
            "RNG",
            choices=NOISE_SOURCES,
        ),
    ] = Field(PHILOX)
    seed_width: Annotated[
        int | None,
        Parameter(
            "Resize seed from width",
            "Take the noise of a picture of this width, so that another size stays a near relation.",
            None,
            step=8,
            empty="off",
        ),
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    seed_height: Annotated[
        int | None,
        Parameter(
            "Resize seed from height",
            "Take the noise of a picture of this height, so that another size stays a near relation.",
            None,
            step=8,
            empty="off",
        ),
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    eta_noise_seed_delta: Annotated[
        int,
        Parameter(
            "Eta noise seed delta",
            "Added to the seed for the fresh noise of stochastic samplers.",
            "ENSD",
        ),
    ] = Field(0, ge=0, le=MAX_SEED)
