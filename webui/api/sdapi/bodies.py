"""What the drawing routes take: AUTOMATIC1111's fields, with its defaults; null means the default.

Fields that are not here are kept aside (`model_extra`), so that the answer can name them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DrawBody(BaseModel):
    """What txt2img and img2img share."""

    model_config = ConfigDict(extra="allow", frozen=True)

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] = Field(default_factory=list, description="Names of saved styles.")
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str = ""
    sampler_index: str = Field("Euler", description="Older name of sampler_name.")
    scheduler: str = ""
    batch_size: int = Field(1, ge=1, le=100)
    n_iter: int = Field(1, ge=1, le=100, description="Each is a job of its own.")
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    tiling: bool = False
    eta: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    denoising_strength: float = 0.75
    refiner_checkpoint: str = ""
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = Field(False, description="Take <lora:...> out of the prompts.")
    distilled_cfg_scale: float | None = Field(None, description="Of Forge.")
    override_settings: dict[str, Any] = Field(
        default_factory=dict, description="Options for this request alone."
    )
    override_settings_restore_afterwards: bool = Field(
        True, description="Nothing has to be restored: no option outlives its request."
    )
    alwayson_scripts: dict[str, Any] = Field(
        default_factory=dict, description="controlnet, refiner and soft inpainting."
    )
    script_name: str = Field("", description="Loopback, SD upscale, ...: see /scripts.")
    script_args: list[Any] = Field(default_factory=list)
    send_images: bool = True
    save_images: bool = Field(False, description="Pictures are always kept.")
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    force_task_id: str = Field("", description="A name by which `progress` finds the request.")
    infotext: str = Field(
        "", description="A `parameters` text; what it tells counts where a field is absent."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        """Most clients send every field, with null where they mean nothing."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}


class Txt2ImgBody(DrawBody):
    """A picture from words."""

    enable_hr: bool = False
    hr_scale: float = 2.0
    hr_upscaler: str = "Latent"
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str = ""
    hr_sampler_name: str = ""
    hr_scheduler: str = ""
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    hr_cfg: float | None = Field(None, description="Of Forge.")
    firstphase_width: int = Field(0, description="Older way to say the first pass's size.")
    firstphase_height: int = 0


class Img2ImgBody(DrawBody):
    """A picture from a picture."""

    init_images: list[str] = Field(
        default_factory=list, description="In base64, or as data: URI; the first is drawn from."
    )
    resize_mode: int = Field(0, ge=0, le=3)
    image_cfg_scale: float | None = None
    mask: str = Field("", description="White where to redraw.")
    latent_mask: str = ""
    mask_blur: int | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_round: bool = True
    inpainting_fill: int = Field(0, ge=0, le=3)
    inpaint_full_res: bool = Field(True, description="Draw the part around the mask alone.")
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = Field(0, ge=0, le=1)
    initial_noise_multiplier: float | None = None
    include_init_images: bool = Field(False, description="Say the pictures again in the answer.")
