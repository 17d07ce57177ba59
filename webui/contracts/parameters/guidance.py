"""How hard a picture is guided, beyond the scale: where in the run, and what tames or adds to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.choices import CLASSIFIER_FREE, GUIDANCE_METHODS
from webui.contracts.parameters.declaration import Parameter


class GuidanceParameters(BaseModel):
    """Settings of guidance; all are off where left alone."""

    guidance_method: Annotated[
        str,
        Parameter(
            "Guidance method",
            "How the prompt's prediction and the negative prompt's become one.",
            "Guidance method",
            choices=tuple(GUIDANCE_METHODS),
            extensible=True,
        ),
    ] = CLASSIFIER_FREE
    guidance_rescale: Annotated[
        float,
        Parameter(
            "Guidance rescale",
            "Brings contrast that guidance added back to the prompt's own (Lin et al. 2023).",
            "Guidance rescale",
            step=0.05,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    image_guidance_scale: Annotated[
        float,
        Parameter(
            "Image guidance",
            "How closely a model that edits keeps to its picture (Brooks et al. 2023).",
            "Image CFG scale",
            step=0.05,
            soft_maximum=3,
        ),
    ] = Field(1.5, ge=0.0, le=30.0, allow_inf_nan=False)
    guidance_start: Annotated[
        float,
        Parameter(
            "Guidance from",
            "Share of the steps that run without guidance at first: faster, and more varied.",
            "Skip Early CFG",
            step=0.05,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    guidance_end: Annotated[
        float,
        Parameter(
            "Guidance until",
            "Share of the steps after which guidance is off: faster, with softer colours.",
            "Guidance end",
            step=0.05,
        ),
    ] = Field(1.0, ge=0.0, le=1.0, allow_inf_nan=False)
    negative_guidance_minimum_sigma: Annotated[
        float,
        Parameter(
            "Negative guidance minimum sigma",
            "Below this noise level every other step goes without the negative prompt: faster.",
            "NGMS",
            step=0.1,
            soft_maximum=15,
        ),
    ] = Field(0.0, ge=0.0, le=1000.0, allow_inf_nan=False)
    mimic_scale: Annotated[
        float | None,
        Parameter(
            "Mimic scale",
            "Dynamic thresholding: the range of values is that of this scale; empty is off.",
            "Mimic scale",
            step=0.5,
            empty="off",
        ),
    ] = Field(None, ge=1.0, le=100.0, allow_inf_nan=False)
    threshold_percentile: Annotated[
        float,
        Parameter(
            "Threshold percentile",
            "Dynamic thresholding: share of the values that lies within the range.",
            "Threshold percentile",
            step=0.005,
            soft_minimum=0.9,
            soft_maximum=1.0,
        ),
    ] = Field(1.0, ge=0.5, le=1.0, allow_inf_nan=False)
