"""The X/Y/Z plot, a script that `script_name` selects: its positional arguments are read here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.contracts.ids import BatchId
from webui.contracts.job import Job
from webui.contracts.plot import AxisChoice, Plot
from webui.contracts.request import validated
from webui.services.plots.values import joined

PLOT = "x/y/z plot"
POLL_SECONDS, GRID_SECONDS = 0.05, 120.0
"""How often it is asked after the grid, and how long."""
_TXT2IMG, _IMG2IMG = "txt2img", "img2img"
_AXES: Sequence[tuple[str, str, str]] = (
    ("Nothing", "", ""), ("Seed", "seed", ""), ("Var. seed", "variation_seed", ""),
    ("Var. strength", "variation_strength", ""), ("Steps", "steps", ""), ("Hires steps", "hires_steps", _TXT2IMG),
    ("CFG Scale", "guidance_scale", ""), ("Image CFG Scale", "image_guidance_scale", _IMG2IMG),
    ("Prompt S/R", "prompt_sr", ""), ("Prompt order", "prompt_order", ""), ("Sampler", "sampler", _TXT2IMG),
    ("Hires sampler", "hires_sampler", _TXT2IMG), ("Sampler", "sampler", _IMG2IMG), ("Checkpoint name", "model", ""),
    ("Negative Guidance minimum sigma", "negative_guidance_minimum_sigma", ""), ("Sigma Churn", "sigma_churn", ""),
    ("Sigma min", "sigma_tmin", ""), ("Sigma max", "sigma_tmax", ""), ("Sigma noise", "sigma_noise", ""),
    ("Schedule type", "schedule", ""), ("Schedule min sigma", "schedule_sigma_min", ""),
    ("Schedule max sigma", "schedule_sigma_max", ""), ("Schedule rho", "schedule_rho", ""),
    ("Beta schedule alpha", "beta_alpha", ""), ("Beta schedule beta", "beta_beta", ""), ("Eta", "eta", ""),
    ("Clip skip", "clip_skip", ""), ("Denoising", "denoising_strength", ""),
    ("Initial noise multiplier", "noise_multiplier", ""), ("Extra noise", "", ""),
    ("Hires upscaler", "hires_upscaler", _TXT2IMG), ("Cond. Image Mask Weight", "inpainting_mask_weight", _IMG2IMG),
    ("VAE", "vae", ""), ("Styles", "styles", ""), ("UniPC Order", "unipc_order", ""), ("Face restore", "", ""),
    ("Token merging ratio", "token_merging_ratio", ""), ("Token merging ratio high-res", "", ""),
    ("Always discard next-to-last sigma", "discard_penultimate", ""),
    ("SGM noise multiplier", "sgm_noise_multiplier", ""), ("Refiner checkpoint", "refiner", ""),
    ("Refiner switch at", "refiner_switch_at", ""), ("RNG source", "noise_source", ""), ("FP8 mode", "", ""),
    ("Size", "size", ""),
)  # fmt: skip
"""AUTOMATIC1111's axes in the order of 1.10, which numbers mean: label, ours, and the tab that alone has it."""
_OPTIONS = ("draw_legend", "include_lone_images", "include_sub_grids", "no_fixed_seeds",
            "vary_seeds_x", "vary_seeds_y", "vary_seeds_z", "margin_size", "csv_mode")  # fmt: skip
"""What follows the three axes, of three arguments each."""
_OLDER = tuple(name for name in _OPTIONS if not name.startswith("vary_seeds"))
"""The same before 1.8."""


@dataclass(frozen=True)
class PlotScript:
    """What the script's arguments ask for."""

    plot: Plot
    lone: bool
    """Whether the single pictures are in the answer, too."""
    ignored: tuple[str, ...]


def plot_script(name: str, arguments: Sequence[Any], tab: str) -> PlotScript | None:
    """What `script_name` and `script_args` ask for; None where no plot is selected.

    Raises:
        HTTPException: 422, one of its arguments cannot be read.
        InvalidField: a value is out of range.
    """
    if name.lower() != PLOT:
        return None
    axes = [_axis(arguments[3 * i : 3 * i + 3], tab) for i in range(3)]
    names = _OPTIONS if len(arguments) > 9 + len(_OLDER) else _OLDER
    said = dict(zip(names, arguments[9:], strict=False))
    return PlotScript(
        _plot(axes, said),
        bool(said.get("include_lone_images", False)),
        tuple(f"script_args.{n}" for n in names if n.startswith("vary_seeds") and said.get(n)),
    )


async def with_grid(script: PlotScript, jobs: Sequence[Job], context: ApiContext) -> Sequence[Job]:
    """The jobs whose pictures are the answer: the grid first; all of them where nothing was drawn.

    Raises:
        HTTPException: 503, the grid does not come.
    """
    batch = BatchId(jobs[0].request.batch)
    for _ in range(int(GRID_SECONDS / POLL_SECONDS)):
        if await run_in_threadpool(context.plots.is_ended, batch):
            grid = await run_in_threadpool(context.plots.grid, batch)
            drawn = [job for job in jobs if job.pictures] if script.lone else []
            return jobs if grid is None else [grid, *drawn]
        await asyncio.sleep(POLL_SECONDS)
    raise HTTPException(503, f"The grid of the plot {batch!r} did not come; its pictures are kept.")


def _plot(axes: Sequence[AxisChoice | None], said: Mapping[str, Any]) -> Plot:
    x, y, z = axes
    given = {
        "x": x, "y": y, "z": z, "legend": bool(said.get("draw_legend", True)),
        "margin": int(said.get("margin_size") or 0), "sub_grids": bool(said.get("include_sub_grids")),
        "keep_seeds": bool(said.get("no_fixed_seeds")),
    }  # fmt: skip
    return validated(Plot, given)


def _axis(given: Sequence[Any], tab: str) -> AxisChoice | None:
    """An axis of its type, its values as a text, and as a list."""
    type_, values, chosen = (*given, *(None,) * 3)[:3]
    label, name = _named(type_, tab)
    if label == "Nothing":
        return None
    if not name:
        raise HTTPException(422, f"The axis {label!r} is of something that Easel has not.")
    listed = chosen if isinstance(chosen, list) else []
    text = str(values or "") or joined(tuple(str(value) for value in listed))
    return validated(AxisChoice, {"axis": name, "values": text})


def _named(type_: Any, tab: str) -> tuple[str, str]:
    """Label and our name of a type, which is a number in the tab's list or a label."""
    known = [(label, name) for label, name, only in _AXES if only in ("", tab)]
    if type_ is None or type_ == "":
        return known[0]
    if isinstance(type_, int) and 0 <= type_ < len(known):
        return known[type_]
    found = next((pair for pair in known if pair[0].lower() == str(type_).lower()), None)
    if found is None:
        raise HTTPException(
            422, f"There is no axis {str(type_)[:100]!r} in {tab}; a number from 0 to {len(known) - 1}, or a label, was expected."
        )  # fmt: skip
    return found
