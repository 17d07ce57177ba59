"""How the picture is drawn: sampler, schedule, steps, guidance."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import control
from webui.ui.panels.fold import fold

GUIDANCE = (
    "guidance_method",
    "guidance_rescale",
    ("guidance_start", "guidance_end"),
    "negative_guidance_minimum_sigma",
    ("mimic_scale", "threshold_percentile"),
    ("distilled_guidance_scale", "flow_shift"),
    "image_guidance_scale",
)
NETWORK = (
    ("clip_skip", "tiling"),
    ("deep_cache_interval", "token_merging_ratio"),
    "eight_bits",
    "pag_scale",
    ("sag_scale", "sag_blur"),
    ("freeu_b1", "freeu_b2"),
    ("freeu_s1", "freeu_s2"),
)
SAMPLER = (
    ("eta", "sigma_noise"),
    "sigma_churn",
    ("sigma_tmin", "sigma_tmax"),
    ("unipc_form", "unipc_order"),
    ("schedule_sigma_min", "schedule_sigma_max"),
    ("schedule_rho", "noise_schedule"),
    ("beta_alpha", "beta_beta"),
    ("discard_penultimate", "sgm_noise_multiplier"),
)
SIZES = (
    ("original_width", "original_height"),
    ("target_width", "target_height"),
    ("crop_left", "crop_top"),
    ("aesthetic_score", "negative_aesthetic_score"),
)
SPEED = ("deep_cache_interval", "token_merging_ratio", "eight_bits")


def sampling_panel(tab: str) -> dict[str, Component]:
    """Sampler and schedule side by side, steps and guidance scale below; the fine settings folded."""
    with gr.Row(elem_classes=["ez-pair"]):
        sampler = control(tab, "sampler")
        schedule = control(tab, "schedule")
    return {
        "sampler": sampler,
        "schedule": schedule,
        "steps": control(tab, "steps"),
        "guidance_scale": control(tab, "guidance_scale"),
        **fold(tab, "Guidance", GUIDANCE),
        **fold(tab, "Sampler", SAMPLER),
        **fold(tab, "Network", NETWORK),
        **fold(tab, "SDXL sizes", SIZES),
        **fold(tab, "Speed", SPEED),
    }
