"""Scripts that `script_name` selects: what each asks for, as fields of a request here.

Names and orders of arguments are those of AUTOMATIC1111 1.10 and of the extension Ultimate SD upscale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.api.sdapi.plots import PLOT
from webui.api.sdapi.prompt_lists import PROMPTS
from webui.api.sdapi.upscalers import NO_UPSCALER, network_called, upscaler_names
from webui.contracts.ids import ImageId
from webui.contracts.parameters.inpainting import FILL, LATENT_NOISE, LATENT_NOTHING, ORIGINAL
from webui.contracts.parameters.outpainting import FRAME_STEP
from webui.contracts.parameters.upscaling import IN_TILES, LANCZOS

_CONTENT = (FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING)
_SIDES = {"left": "left", "right": "right", "up": "top", "down": "bottom"}
_TILE_STEP, _SMALLEST_TILE, _LARGEST_TILE = 64, 128, 1024
_OTHER_SIZE, _SCALE = 1, 2
"""Kinds of target size of Ultimate SD upscale; 0 is the request's own."""
_BLUR_REACH = 4
"""How many times a blur of theirs the old picture is mixed with the new: twice to the mask's edge, twice beyond it."""
_MOST_OVERLAP = 256
_HARMLESS: tuple[Any, ...] = (None, False, "", "None", "comma", 0)
"""Values of arguments that mean nothing here which ask for nothing."""
_OF_MASKS = frozenset(
    {"mask", "mask_mode", "mask_blur", "mask_blur_y", "masked_content", "masked_padding", "inpaint_area"}
)  # fmt: skip
_FRAME_WITHOUT = _OF_MASKS | {"width", "height", "resize_mode"}
_TILES_WITHOUT = _FRAME_WITHOUT | {"denoising_strength"}


@dataclass(frozen=True)
class Ground:
    """What a script starts from."""

    fields: Mapping[str, Any]
    """Of the request without the script."""
    image: ImageId | None
    context: ApiContext


@dataclass(frozen=True)
class Selection:
    """What a script makes of a request."""

    fields: Mapping[str, Any]
    """That it sets."""
    without: frozenset[str] = frozenset()
    """Names of fields that it takes away."""
    ignored: tuple[str, ...] = ()
    """What was said and means nothing here."""
    once: bool = False
    """Whether it is drawn once, whatever number of rounds is asked for."""


NOTHING = Selection({})
Said = Mapping[str, Any]
"""A script's arguments by name."""


def selection(name: str, arguments: Sequence[Any], ground: Ground) -> Selection:
    """What `script_name` and `script_args` ask for.

    Raises:
        HTTPException: 422, the script is unknown, needs a picture, or an argument cannot be used.
    """
    if not name or name == "None":
        return NOTHING
    script = _SCRIPTS.get(name.lower())
    if script is None:
        known = ", ".join((*_SCRIPTS, PROMPTS, PLOT))
        raise HTTPException(
            422, f"There is no script {name[:100]!r}. Those that can be selected are: {known}."
        )
    if script.of_pictures and ground.image is None:
        raise HTTPException(422, f"The script {name!r} starts from a picture: ask img2img for it.")
    pairs = zip(script.arguments, arguments, strict=False)
    said = {argument: value for argument, value in pairs if value is not None}
    try:
        fields = script.read(said, ground)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        wanted = ", ".join(script.arguments)
        raise HTTPException(
            422, f"script_args of {name!r} cannot be read ({error}), expected: {wanted}."
        ) from error
    unused = [f"script_args.{n}" for n in script.unused if said.get(n) not in _HARMLESS]
    lost = ["mask"] * ("mask" in ground.fields and "mask" in script.without)
    return Selection(fields, script.without, (*unused, *lost), script.once)


def _loopback(said: Said, _: Ground) -> dict[str, Any]:
    fields = {"loops": said.get("loops"), "final_strength": said.get("final_denoising_strength"),
              "strength_curve": said.get("denoising_curve")}  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def _matrix(said: Said, _: Ground) -> dict[str, Any]:
    if said.get("prompt_type", "positive") != "positive":
        raise ValueError("the parts of a negative prompt cannot be varied here")
    return {"prompt_choices": "Matrix", "count": 1}  # the count is that of the combinations


def _sd_upscale(said: Said, ground: Ground) -> dict[str, Any]:
    width, upscaler = ground.fields["width"], _upscaler(said.get("upscaler_index", 0), ground)
    # Without an upscaler this script redraws the picture at its own size.
    factor = 1.0 if upscaler == NO_UPSCALER else float(said.get("scale_factor", 2))
    return _in_tiles(ground, upscaler, width, float(said.get("overlap", 64)), factor)


def _ultimate(said: Said, ground: Ground) -> dict[str, Any]:
    width = int(said.get("tile_width", 512)) or int(said.get("tile_height", 0))
    kind, padding = int(said.get("target_size_type", 0)), float(said.get("padding", 32))
    upscaler = _upscaler(said.get("upscaler_index", 0), ground)
    if kind == _SCALE:
        factor = float(said.get("custom_scale", 2))
        return _in_tiles(ground, upscaler, width, padding, factor)
    wanted = (ground.fields["width"], ground.fields["height"])
    if kind == _OTHER_SIZE:
        wanted = (int(said.get("custom_width", 2048)), int(said.get("custom_height", 2048)))
    assert ground.image is not None
    given = ground.context.images.size(ground.image)
    factor = max(wanted[0] / given[0], wanted[1] / given[1])
    return _in_tiles(ground, upscaler, width, padding, factor)


def _in_tiles(
    ground: Ground, upscaler: str, width: int, overlap: float, factor: float
) -> dict[str, Any]:
    if width <= 0:
        raise ValueError(f"a tile is {width} pixels wide")
    size = min(max(width // _TILE_STEP * _TILE_STEP, _SMALLEST_TILE), _LARGEST_TILE)
    return {
        "count": 1,  # a batch is of tiles
        "upscaler": IN_TILES,
        "upscale_factor": max(factor, 1.0),
        "tile_upscaler": LANCZOS if upscaler == NO_UPSCALER else upscaler,
        "tile_strength": ground.fields["denoising_strength"],
        "tile_size": size,
        "tile_overlap": min(max(overlap / width, 0.0), 0.5),
    }


def _upscaler(said: Any, ground: Ground) -> str:
    """An upscaler, or none, by its place in the list of upscalers or by name."""
    known = [name for name, *_ in upscaler_names(ground.context)]
    if isinstance(said, str):
        named = next((name for name in known if name.lower() == said.lower()), said)
    else:
        named = dict(enumerate(known))[int(said)]
    return network_called(named, ground.context.catalog) or named


def _outpainting(said: Said, _: Ground) -> dict[str, Any]:
    directions = said.get("direction", tuple(_SIDES))
    named = [directions] if isinstance(directions, str) else directions
    wrong = [side for side in named if side not in _SIDES]
    if wrong or not named:
        raise ValueError(f"direction is {named!r}, which is none of {', '.join(_SIDES)}")
    pixels = int(said.get("pixels", 128))
    if pixels < FRAME_STEP:
        raise ValueError(f"pixels is {pixels}, which is less than {FRAME_STEP}")
    overlap = {}
    if "mask_blur" in said:
        overlap["outpaint_overlap"] = min(int(said["mask_blur"]) * _BLUR_REACH, _MOST_OVERLAP)
    return {
        **{f"outpaint_{_SIDES[side]}": pixels // FRAME_STEP * FRAME_STEP for side in named},
        **overlap, "masked_content": _CONTENT[int(said.get("inpainting_fill", 0))],
    }  # fmt: skip


@dataclass(frozen=True)
class _Script:
    """How a script's arguments are read."""

    read: Callable[[Said, Ground], dict[str, Any]]
    arguments: tuple[str, ...]
    """Their names, in order; '_' is a text of the page."""
    unused: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    """Fields of a request that it takes away."""
    once: bool = False
    of_pictures: bool = True


_SCRIPTS: Mapping[str, _Script] = {
    "loopback": _Script(
        _loopback,
        ("loops", "final_denoising_strength", "denoising_curve", "append_interrogation"),
        ("append_interrogation",),
    ),
    "sd upscale": _Script(
        _sd_upscale, ("_", "overlap", "upscaler_index", "scale_factor"), without=_TILES_WITHOUT
    ),
    "ultimate sd upscale": _Script(
        _ultimate,
        ("_", "tile_width", "tile_height", "mask_blur", "padding", "seams_fix_width", "seams_fix_denoise",
         "seams_fix_padding", "upscaler_index", "save_upscaled_image", "redraw_mode", "save_seams_fix_image",
         "seams_fix_mask_blur", "seams_fix_type", "target_size_type", "custom_width", "custom_height",
         "custom_scale"),
        ("redraw_mode", "seams_fix_type"), _TILES_WITHOUT, once=True,
    ),
    "poor man's outpainting": _Script(
        _outpainting, ("pixels", "mask_blur", "inpainting_fill", "direction"),
        without=_FRAME_WITHOUT,
    ),
    "outpainting mk2": _Script(
        _outpainting, ("_", "pixels", "mask_blur", "direction", "noise_q", "color_variation"),
        ("noise_q", "color_variation"), _FRAME_WITHOUT,
    ),
    "prompt matrix": _Script(
        _matrix,
        ("put_at_start", "different_seeds", "prompt_type", "variations_delimiter", "margin_size"),
        ("put_at_start", "different_seeds", "variations_delimiter"), once=True,
        of_pictures=False,
    ),
}  # fmt: skip
"""Title, lower case, to what reads its arguments."""
SELECTED = tuple(_SCRIPTS)
OF_WORDS = tuple(name for name, script in _SCRIPTS.items() if not script.of_pictures)
"""Those that txt2img knows, too."""
