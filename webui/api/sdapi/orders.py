"""A body of txt2img or img2img as orders: one for each of its `n_iter`, with what it said that means nothing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.api.sdapi.bodies import DrawBody, Img2ImgBody, Txt2ImgBody
from webui.api.sdapi.options import checkpoint, option_fields
from webui.api.sdapi.pictures import kept
from webui.api.sdapi.plots import PlotScript, plot_script
from webui.api.sdapi.prompt_lists import is_prompt_list, prompt_list
from webui.api.sdapi.scripts import script_fields
from webui.api.sdapi.selected import Ground, selection
from webui.api.sdapi.upscalers import network_called
from webui.contracts.choices import AUTOMATIC, find_sampler, find_schedule
from webui.contracts.errors import InvalidField
from webui.contracts.ids import ImageId
from webui.contracts.infotext_reading import read_infotext
from webui.contracts.parameters.drawing import SIZE_MULTIPLE
from webui.contracts.parameters.extension_arguments import offered_by
from webui.contracts.parameters.inpainting import (
    FILL,
    LATENT_NOISE,
    LATENT_NOTHING,
    MASKED,
    NOT_MASKED,
    ONLY_MASKED,
    ORIGINAL,
    WHOLE_PICTURE,
)  # fmt: skip
from webui.contracts.parameters.start_image import (
    CROP,
    JUST_RESIZE,
    JUST_RESIZE_LATENT,
    RESIZE_AND_FILL,
)  # fmt: skip
from webui.contracts.parameters.upscaling import LANCZOS
from webui.contracts.prompt_list import PromptList
from webui.contracts.request import GenerationRequest, parse_request
from webui.prompt.networks import without_networks

_RESIZE = (JUST_RESIZE, CROP, RESIZE_AND_FILL, JUST_RESIZE_LATENT)
_CONTENT = (FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING)
_SAME = {  # their name to ours, the value as it is
    "prompt": "prompt", "negative_prompt": "negative_prompt", "styles": "styles", "seed": "seed",
    "subseed": "variation_seed", "subseed_strength": "variation_strength", "batch_size": "count",
    "steps": "steps", "cfg_scale": "guidance_scale", "tiling": "tiling", "eta": "eta",
    "s_min_uncond": "negative_guidance_minimum_sigma", "s_churn": "sigma_churn", "s_tmin": "sigma_tmin",
    "s_tmax": "sigma_tmax", "s_noise": "sigma_noise", "denoising_strength": "denoising_strength",
    "refiner_switch_at": "refiner_switch_at", "distilled_cfg_scale": "distilled_guidance_scale",
}  # fmt: skip
_SAME_HIRES = {
    "hr_scale": "hires_scale", "hr_second_pass_steps": "hires_steps", "hr_prompt": "hires_prompt",
    "hr_negative_prompt": "hires_negative_prompt", "hr_cfg": "hires_guidance_scale",
}  # fmt: skip
_THEIRS = {ours: theirs for theirs, ours in (_SAME | _SAME_HIRES).items()} | {
    "hires_upscaler": "hr_upscaler", "hires_width": "hr_resize_x", "hires_height": "hr_resize_y",
    "schedule": "scheduler", "hires_schedule": "hr_scheduler",
    "masked_padding": "inpaint_full_res_padding", "noise_multiplier": "initial_noise_multiplier",
}  # fmt: skip
"""Our names to theirs."""
_EMPTY: tuple[Any, ...] = (None, False, "", 0, [], {}, 0.0)
"""Values of a field that is unknown here which ask for nothing."""


@dataclass(frozen=True)
class Order:
    """What a body asks for."""

    request: GenerationRequest
    """Of its first round."""
    rounds: int
    ignored: tuple[str, ...]
    """Names of fields and options that ask for something which is not here."""
    script: PlotScript | None = None
    """The plot, where one is selected."""
    listed: PromptList | None = None
    """The list of prompts, where one is selected: its lines are drawn in place of the request."""


def order_of(body: DrawBody, options: Mapping[str, Any], context: ApiContext) -> Order:
    """What a body asks for, with the client's options below it.

    Raises:
        BadRequest: a value cannot be used; says which and why.
        HTTPException: a sampler, a script or the picture is missing.
    """
    ignored = [name for name, value in (body.model_extra or {}).items() if value not in _EMPTY]
    fields = _common(body, context)
    image: ImageId | None = None
    if isinstance(body, Img2ImgBody):
        image, drawn_from = _picture(body, context, ignored)
        fields |= drawn_from
    elif isinstance(body, Txt2ImgBody) and body.enable_hr:
        fields |= _hires(body, context)
    told = _told(body)
    given, unknown = option_fields(
        {**options, **body.override_settings}, context, str(fields["sampler"])
    )
    scripts, left = script_fields(body.alwayson_scripts, image, context)
    ignored += [f"override_settings.{n}" for n in unknown if n in body.override_settings] + left
    said = {ours for theirs, ours in _SAME.items() if theirs in body.model_fields_set}
    below = {name: value for name, value in told.items() if name not in said}
    # Of the body, options and the text, the body's own fields are the last word.
    plain = {name: value for name, value in given.items() if name not in said}
    ground = Ground({**fields, **below, **plain, **scripts}, image, context)
    return _with_script(body, ground, ignored)


def _with_script(body: DrawBody, ground: Ground, ignored: Sequence[str]) -> Order:
    """The order with the script that the body selects, if any."""
    tab = "img2img" if isinstance(body, Img2ImgBody) else "txt2img"
    plot = plot_script(body.script_name, body.script_args, tab)
    if plot is not None:
        request = _parsed(ground.fields).model_copy(update={"plot": plot.plot})
        left = [*ignored, *plot.ignored, *["n_iter"] * (body.n_iter > 1)]
        return Order(request, body.n_iter, tuple(dict.fromkeys(left)), plot)
    if is_prompt_list(body.script_name):
        request = _parsed(ground.fields)
        listed, unused = prompt_list(body.script_args, request, body.n_iter)
        return Order(request, 1, tuple(dict.fromkeys([*ignored, *unused])), listed=listed)
    chosen = selection(body.script_name, body.script_args, ground)
    without = {n: v for n, v in ground.fields.items() if n not in chosen.without}
    left = [*ignored, *chosen.ignored, *["n_iter"] * (chosen.once and body.n_iter > 1)]
    rounds = 1 if chosen.once else body.n_iter
    return Order(_parsed({**without, **chosen.fields}), rounds, tuple(dict.fromkeys(left)))


def _parsed(fields: Mapping[str, Any]) -> GenerationRequest:
    """A request; what is wrong with it is said by the names that the client has for its fields."""
    try:
        return parse_request(fields)
    except InvalidField as error:
        problems = [replace(p, field=_THEIRS.get(p.field, p.field)) for p in error.problems]
        raise InvalidField(problems) from error


def _common(body: DrawBody, context: ApiContext) -> dict[str, Any]:
    fields = _renamed(body, _SAME)
    if not body.s_tmax:  # for AUTOMATIC1111 0 is no end
        fields.pop("sigma_tmax", None)
    if body.disable_extra_networks:
        fields["prompt"] = without_networks(body.prompt)
        fields["negative_prompt"] = without_networks(body.negative_prompt)
    fields |= {"width": _whole(body.width), "height": _whole(body.height)}
    if body.seed_resize_from_w > 0 and body.seed_resize_from_h > 0:
        fields["seed_width"] = _whole(body.seed_resize_from_w)
        fields["seed_height"] = _whole(body.seed_resize_from_h)
    if body.refiner_checkpoint:
        fields["refiner"] = checkpoint(body.refiner_checkpoint, context)
    fields |= _sampler(body.sampler_name or body.sampler_index, body.scheduler, "")
    return {name: value for name, value in fields.items() if value is not None}


def _renamed(body: DrawBody, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        ours: value
        for theirs, ours in names.items()
        if (value := getattr(body, theirs)) is not None
    }


def _sampler(name: str, scheduler: str, before: str) -> dict[str, Any]:
    """Sampler and schedule, by any of their names; `before` is what our fields begin with."""
    found = find_sampler(name)
    info, schedule = (None, None) if found is None else found
    if info is None and offered_by(name) is None:
        raise HTTPException(
            400, f"There is no sampler {name[:100]!r}. GET /sdapi/v1/samplers lists them all."
        )
    # One of an extension is looked up when the order is checked.
    fields = {f"{before}sampler": name if info is None else info.name}
    if scheduler and scheduler.lower() != AUTOMATIC.lower():  # that is left to the model, as here
        fields[f"{before}schedule"] = find_schedule(scheduler) or scheduler
    elif schedule:
        fields[f"{before}schedule"] = schedule
    return fields


def _hires(body: Txt2ImgBody, context: ApiContext) -> dict[str, Any]:
    fields = _renamed(body, _SAME_HIRES)
    upscaler = LANCZOS if body.hr_upscaler in ("None", "") else body.hr_upscaler
    fields |= {"hires_upscaler": network_called(upscaler, context.catalog) or upscaler}
    if body.firstphase_width and body.firstphase_height:
        fields |= {"hires_width": _whole(body.width), "hires_height": _whole(body.height)}
        fields |= {"width": _whole(body.firstphase_width), "height": _whole(body.firstphase_height)}
    fields |= {"hires_width": _whole(body.hr_resize_x)} if body.hr_resize_x else {}
    fields |= {"hires_height": _whole(body.hr_resize_y)} if body.hr_resize_y else {}
    if body.hr_checkpoint_name and not body.hr_checkpoint_name.startswith("Use same"):
        fields["hires_model"] = checkpoint(body.hr_checkpoint_name, context)
    if body.hr_sampler_name and not body.hr_sampler_name.startswith("Use same"):
        fields |= _sampler(body.hr_sampler_name, "", "hires_")
    if body.hr_scheduler and not body.hr_scheduler.startswith("Use same"):
        fields["hires_schedule"] = find_schedule(body.hr_scheduler) or body.hr_scheduler
    return fields


def _picture(
    body: Img2ImgBody, context: ApiContext, ignored: list[str]
) -> tuple[ImageId, dict[str, Any]]:
    """The picture to start from and what belongs to it; names what is left out of it."""
    if not body.init_images:
        raise HTTPException(404, "There is no picture in init_images, which img2img starts from.")
    ignored += ["init_images.1"] * (len(body.init_images) > 1)
    ignored += ["image_cfg_scale"] * (body.image_cfg_scale not in (None, 1.5, 0))
    image = kept(body.init_images[0], context)
    fields: dict[str, Any] = {"image": image, "resize_mode": _RESIZE[body.resize_mode]}
    if body.initial_noise_multiplier is not None:
        fields["noise_multiplier"] = body.initial_noise_multiplier
    mask = body.mask or body.latent_mask
    if mask:
        blur = body.mask_blur
        fields |= {
            "mask": kept(mask, context),
            "mask_blur": body.mask_blur_x if blur is None else blur,
            "mask_blur_y": body.mask_blur_y if blur is None else blur,
            "masked_content": _CONTENT[body.inpainting_fill],
            "inpaint_area": ONLY_MASKED if body.inpaint_full_res else WHOLE_PICTURE,
            "masked_padding": body.inpaint_full_res_padding,
            "mask_mode": NOT_MASKED if body.inpainting_mask_invert else MASKED,
        }
    return image, fields


def _told(body: DrawBody) -> dict[str, Any]:
    """What the body's `parameters` text tells."""
    told = read_infotext(body.infotext) if body.infotext.strip() else None
    if told is None:
        return {}
    names = told.request.model_fields_set - {"image", "model", "refiner", "hires_model", "template"}
    return {
        name: getattr(told.request, name) for name in names if getattr(told.request, name) != ""
    }


def _whole(pixels: int) -> int:
    """Down to a size that can be drawn."""
    return pixels // SIZE_MULTIPLE * SIZE_MULTIPLE
