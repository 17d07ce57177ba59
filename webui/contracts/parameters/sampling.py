"""Fine settings of samplers and schedules; each left alone means what is usual."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

BH1, BH2 = "bh1", "bh2"
MODEL_SCHEDULE, ZERO_TERMINAL_SNR = "Model's own", "Zero Terminal SNR"


class SamplingParameters(BaseModel):
    """Settings that a sampler or a schedule reads where it knows them."""

    eta: Annotated[
        float | None,
        Parameter(
            "Eta",
            "Share of fresh noise in a step of a stochastic sampler; empty means the sampler's own.",
            "Eta",
            step=0.05,
            empty="sampler's own",
        ),
    ] = Field(None, ge=0.0, le=2.0, allow_inf_nan=False)
    sigma_churn: Annotated[
        float,
        Parameter(
            "Churn",
            "Noise that Euler, Heun and DPM2 put back before a step, over all steps (Karras 2022).",
            "Sigma churn",
            step=0.5,
            soft_maximum=100,
        ),
    ] = Field(0.0, ge=0.0, le=1000.0, allow_inf_nan=False)
    sigma_tmin: Annotated[
        float,
        Parameter("Churn from sigma", "Lowest noise level that churns.", "Sigma tmin", step=0.01),
    ] = Field(0.0, ge=0.0, le=1e4, allow_inf_nan=False)
    sigma_tmax: Annotated[
        float | None,
        Parameter(
            "Churn up to sigma",
            "Highest noise level that churns; empty means no end.",
            "Sigma tmax",
            step=0.01,
            empty="no end",
        ),
    ] = Field(None, ge=0.0, le=1e4, allow_inf_nan=False)
    sigma_noise: Annotated[
        float,
        Parameter(
            "Fresh noise",
            "Strength of the noise that a stochastic sampler adds; 1 is as it should be.",
            "Sigma noise",
            step=0.001,
            soft_minimum=0.9,
            soft_maximum=1.1,
        ),
    ] = Field(1.0, ge=0.0, le=2.0, allow_inf_nan=False)
    unipc_form: Annotated[
        str,
        Parameter(
            "UniPC form",
            "Which of its paper's two forms UniPC has; bh1 is the usual one of AUTOMATIC1111, bh2 suits fewer steps.",
            "UniPC variant",
            choices=(BH2, BH1),
        ),
    ] = Field(BH2)
    unipc_order: Annotated[
        int,
        Parameter(
            "UniPC order",
            "How many guesses UniPC goes by; 2 is steadier at high guidance scales.",
            "UniPC order",
            step=1,
        ),
    ] = Field(3, ge=1, le=4)
    schedule_sigma_min: Annotated[
        float | None,
        Parameter(
            "Lowest sigma",
            "Where the schedule ends before 0; empty means the model's own.",
            "Schedule min sigma",
            step=0.001,
            empty="model's own",
        ),
    ] = Field(None, gt=0.0, le=1e4, allow_inf_nan=False)
    schedule_sigma_max: Annotated[
        float | None,
        Parameter(
            "Highest sigma",
            "Where the schedule begins; empty means the model's own.",
            "Schedule max sigma",
            step=0.01,
            empty="model's own",
        ),
    ] = Field(None, gt=0.0, le=1e4, allow_inf_nan=False)
    schedule_rho: Annotated[
        float | None,
        Parameter(
            "Rho",
            "Bend of the Karras (7) and Polyexponential (1) schedules; empty means their own.",
            "Schedule rho",
            step=0.1,
            empty="schedule's own",
        ),
    ] = Field(None, gt=0.0, le=100.0, allow_inf_nan=False)
    beta_alpha: Annotated[
        float,
        Parameter(
            "Beta alpha",
            "First exponent of the Beta schedule: smaller is denser at high noise.",
            "Beta schedule alpha",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(0.6, ge=0.05, le=10.0, allow_inf_nan=False)
    beta_beta: Annotated[
        float,
        Parameter(
            "Beta beta",
            "Second exponent of the Beta schedule: smaller is denser at low noise.",
            "Beta schedule beta",
            step=0.05,
            soft_maximum=2,
        ),
    ] = Field(0.6, ge=0.05, le=10.0, allow_inf_nan=False)
    discard_penultimate: Annotated[
        bool,
        Parameter(
            "Discard next-to-last sigma",
            "Take one level more and leave out the last before 0.",
            "Discard penultimate sigma",
        ),
    ] = Field(False)
    sgm_noise_multiplier: Annotated[
        bool,
        Parameter(
            "SGM noise multiplier",
            "Scale the first noise by the root of 1 + sigma squared, as Stability's code does.",
            "SGM noise multiplier",
        ),
    ] = Field(False)
    noise_schedule: Annotated[
        str,
        Parameter(
            "Noise schedule",
            "Zero Terminal SNR lets a model that was trained for it draw truly dark and bright pictures.",
            "Noise Schedule",
            choices=(MODEL_SCHEDULE, ZERO_TERMINAL_SNR),
        ),
    ] = Field(MODEL_SCHEDULE)
