"""What takes the place of each of AUTOMATIC1111's extension points, for authors who come from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Counterpart:
    """One of AUTOMATIC1111's, and what does the same here."""

    theirs: str
    points: tuple[str, ...] = ()
    """Extension points; empty where something else than a hook does it, or nothing does yet."""
    said: str = ""


SCRIPTS: Sequence[Counterpart] = (
    Counterpart("title, show, describe", (), "`title`, `tabs` and `summary` in `extension.toml`"),
    Counterpart("ui", (), "`arguments` in `extension.toml`: the controls are made of the model; by name"),
    Counterpart("ui with components of one's own", ("panels",)),
    Counterpart("run", ("wrap_program", "change_request", "change_prompts"), "Several pictures of one order: `change_request` sets `count`, `change_prompts` has each one's `index`. Several orders: `access.submit`."),
    Counterpart("setup, before_process", ("change_request",)),
    Counterpart("process", ("change_prompts", "change_request")),
    Counterpart("before_process_init_images", ("wrap_program",), "The `EncodeImage` that the program yields."),
    Counterpart("before_process_batch", ("change_prompts",), "Pictures are batched by the engine, so each by itself."),
    Counterpart("after_extra_networks_activate", ("change_conditioning",), "Which LoRAs there are is said in the request."),
    Counterpart("process_batch", ("change_conditioning",), "Each picture by itself."),
    Counterpart("process_before_every_sampling", ("change_conditioning", "change_latent"), "The first step's latent is the noise."),
    Counterpart("before_hr", ("change_sampled",), "At the end of the first pass, whose latent is the smaller; the second asks `change_conditioning` again."),
    Counterpart("on_mask_blend", ("change_denoised", "change_sampled"), "The guess, with what stays already in it; at the end of a pass, the latent."),
    Counterpart("post_sample", ("change_sampled",)),
    Counterpart("postprocess_batch, postprocess_batch_list", ("change_picture", "change_request"), "Each picture by itself. How many there are is said before, as `count`; a wrapped program may make any of them something else."),
    Counterpart("postprocess_image", ("wrap_program",), "The `DecodeLatent` on its way back, before what is pasted."),
    Counterpart("postprocess_maskoverlay", ("wrap_program",), "The `DecodeLatent` on its way back, put over the picture by a mask of its own, in place of what the program returns."),
    Counterpart("postprocess_image_after_composite", ("change_picture",)),
    Counterpart("postprocess", ("change_picture", "change_metadata", "job_changed", "picture_saved"), "Pictures and texts are changed one by one; that the job has ended is heard."),
    Counterpart("before_component, after_component, on_before_component, on_after_component", ("panels", "actions"), "At declared places. Values of other controls: `easel.form.values` and `easel.form.set`; the controls themselves stay as they are."),
    Counterpart("elem_id, section, create_group, group, sorting_priority, controls, InputAccordion", (), "Made by Easel."),
    Counterpart("scripts.basedir", (), "`Path(__file__).parent`, at any time; what it writes goes to `access.folder`."),
    Counterpart("infotext_fields, paste_field_names, api_info", (), "Made of the `arguments` model."),
    Counterpart("alwayson, is_txt2img, is_img2img, tabname, args_from, args_to, setup_for_ui_only", (), "`tabs` in `extension.toml`; arguments have names, and the API is the same."),
    Counterpart("ScriptPostprocessing.ui, name, order", (), "`arguments` and `title` in `extension.toml`; the order is that of registration."),
    Counterpart("ScriptPostprocessing.process_firstpass", ("change_request",), "The size of what comes out is a field of the request."),
    Counterpart("ScriptPostprocessing.image_changed", ("panels",), "The event `form` of the `easel` object."),
    Counterpart("ScriptPostprocessing.process", ("change_picture", "wrap_program"), "In the upscale tab, by `tabs` in `extension.toml`."),
    Counterpart("SD.Next: process_images", ("wrap_program",), "What it returns is the picture."),
    Counterpart("SD.Next: after", ("job_changed",)),
)  # fmt: skip
"""Methods of `Script`, in the order in which they are called there."""

CALLBACKS: Sequence[Counterpart] = (
    Counterpart("on_app_started", ("routes", "studio_started")),
    Counterpart("on_before_reload, on_script_unloaded", ("studio_stopped",)),
    Counterpart("on_model_loaded", ("model_loaded", "worker_changed")),
    Counterpart("on_ui_tabs", ("tabs",)),
    Counterpart("on_ui_train_tabs", ("tabs", "commands"), "A tab of its own; Easel trains on the command line, and has no train tab."),
    Counterpart("on_ui_settings", ("settings",)),
    Counterpart("on_before_image_saved", ("change_metadata", "picture_metadata", "picture_file_name", "change_picture")),
    Counterpart("on_image_saved", ("picture_saved",)),
    Counterpart("on_extra_noise", ("change_latent",), "At the first step of each pass."),
    Counterpart("on_cfg_denoiser", ("change_latent", "wrap_program"), "The latent of a step; every `Predict`, with its rows of latents and of tokens, passes a wrapped program."),
    Counterpart("on_cfg_denoised", ("change_guidance",), "`output` has the rows."),
    Counterpart("on_cfg_after_cfg", ("change_denoised",)),
    Counterpart("on_before_component, on_after_component", ("panels", "actions")),
    Counterpart("on_image_grid", ("picture_saved",), "The grid of an X/Y/Z plot is a picture, whose request has `plot`; its rows and columns are the axes'."),
    Counterpart("on_infotext_pasted", ("pasted",), "What Easel wrote itself is pasted by the arguments' names."),
    Counterpart("on_before_ui", ("scripts",)),
    Counterpart("on_list_unets", ("wrap_program",), "It may answer each `Predict` itself, by a network of its own. A kind of checkpoint: `families`."),
    Counterpart("on_list_optimizers", ("wrap_program",), "Other attention for a picture: `patchings` of each `Predict`. Easel's own is PyTorch's."),
    Counterpart("on_before_token_counter", ("change_prompts",), "The counter counts what the form's extensions make of the words."),
    Counterpart("JavaScript: onUiLoaded", ("scripts",), "`start(easel)`."),
    Counterpart("JavaScript: onUiUpdate, onAfterUiUpdate, onUiTabChange, onOptionsChanged", ("scripts", "tabs", "panels"), "`easel.on` with 'form', 'job', 'picture', 'tab' and 'settings'."),
    Counterpart("JavaScript: get_uiCurrentTab, gradioApp", ("scripts",), "`easel.form.current`; no element of the page is promised to stay."),
    Counterpart("sd_samplers.add_sampler", ("samplers", "sampler_functions")),
    Counterpart("upscaler.Upscaler, UpscalerData", ("upscalers", "upscaler_functions"), "Files of networks need none: they lie in `models/upscalers`."),
    Counterpart("sd_models: another kind of checkpoint", ("families", "family_loaders")),
    Counterpart("Forge: supported_preprocessor.Preprocessor", ("preprocessors",)),
    Counterpart("Forge: supported_controlnet", ("wrap_program", "change_conditioning"), "`patchings` of each `Predict` bring in what another network says; the files of ControlNets, T2I-Adapters and IP-Adapters are Easel's."),
    Counterpart("extra_networks.register_extra_network", ("change_prompts", "change_conditioning"), "Tags of one's own in a prompt; LoRAs are Easel's."),
    Counterpart("wildcards of extensions", ("wildcards",)),
    Counterpart("functions of prompts, as template languages have them", ("prompt_functions",)),
    Counterpart("Forge: set_model_sampler_cfg_function", ("guidance_methods", "guidance_functions"), "Chosen by name in the request; `change_guidance` acts on any."),
    Counterpart("palettes of segmentation", ("palettes",), "Maps are painted in them, and words or a ControlNet follow."),
    Counterpart("scripts run by hand", ("commands",)),
    Counterpart("remove_current_script_callbacks, remove_callbacks_for_function", (), "Hooks go with their extension when it is disabled."),
    Counterpart("Forge: forge_objects, clone", ("wrap_program", "change_conditioning"), "What changes for one picture ends with it; no other picture meets it."),
    Counterpart("processing.process_images", ("wrap_program", "routes"), "`access.submit` in the studio; work of one's own within a program."),
    Counterpart("images.save_image", ("picture_file_name", "picture_metadata"), "The gallery stores every picture of a job."),
    Counterpart("ui_extra_networks.register_page", ("tabs",)),
    Counterpart("infotext_utils.ParamBinding, register_paste_params_button", ("pasted", "actions")),
    Counterpart("localizations, style.css, metadata.ini", ("scripts",), "Styles come with a module; `needs` and `conflicts` in `extension.toml`; there is one language."),
    Counterpart("SD.Next: on_before_process, on_after_process, on_image_save_btn, on_after_ui", ("change_request", "job_changed", "actions", "scripts")),
    Counterpart("shared.opts", ("settings",), "Its own. What changes a picture is in the request; the studio's own settings are at `GET /api/v1/settings`."),
    Counterpart("shared.sd_model", ("model_loaded", "wrap_program"), "`model` of a wrapped program is the one that draws."),
    Counterpart("shared.state", ("job_stepped", "job_changed", "step_taken")),
    Counterpart("xyz_grid.axis_options", ("plot_axes",), "Those of the `arguments` model are made by themselves."),
    Counterpart("preload, install.py", (), "`needs` in `extension.toml`; no code runs before the studio."),
    Counterpart("Forge: set_model_output_block_patch, set_model_attn1_patch, set_model_unet_function_wrapper", ("wrap_program",), "`patchings` of each `Predict`: the network is changed around that evaluation alone."),
)  # fmt: skip
"""Functions of `script_callbacks`, and what else extensions call there."""


def table() -> str:
    """Both lists in Markdown."""
    parts = []
    for title, rows in (("Methods of `Script`", SCRIPTS), ("Callbacks and the rest", CALLBACKS)):
        lines = [f"| {title} | here |", "|---|---|", *map(_line, rows)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _line(row: Counterpart) -> str:
    theirs = ", ".join(
        f"`{name}`" if name.isidentifier() else name for name in row.theirs.split(", ")
    )
    points = ", ".join(f"`{name}`" for name in row.points)
    return f"| {theirs} | {'. '.join(part for part in (points, row.said) if part)} |"
