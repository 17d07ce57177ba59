"""What can be chosen, as AUTOMATIC1111 lists it; where files lie is nobody's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.sdapi.plots import PLOT
from webui.api.sdapi.prompt_lists import PROMPTS
from webui.api.sdapi.route import SdapiRoute
from webui.api.sdapi.scripts import OF_MASKS, SCRIPTS
from webui.api.sdapi.selected import OF_WORDS, SELECTED
from webui.api.sdapi.upscalers import upscaler_names
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.choices import SAMPLERS, SCHEDULES, SamplerInfo
from webui.contracts.parameters.hires import LATENT_UPSCALERS
from webui.services.known_hashes import MODEL_DIGITS, KnownHash

_ALWAYS = {False: [name for name in SCRIPTS if name not in OF_MASKS], True: list(SCRIPTS)}
_SELECTED = {False: [*OF_WORDS, PROMPTS, PLOT], True: [*SELECTED, PROMPTS, PLOT]}
"""Scripts that are always on and those that are selected, by whether a picture is started from."""
_SCHEDULER: Mapping[str, Any] = {"aliases": None, "default_rho": -1.0, "need_inner_model": False}
"""What is said of a schedule beside its name."""
_DEFAULT_RHO = {"Karras": 7.0, "Polyexponential": 1.0}


def lists_router(context: ApiContext) -> APIRouter:
    """The routes that list samplers, models, adapters, styles and scripts."""
    router = APIRouter(route_class=SdapiRoute)
    _add_methods(router, context)
    _add_models(router, context)
    _add_adapters(router, context)
    return router


def _add_methods(router: APIRouter, context: ApiContext) -> None:

    @router.get("/samplers", summary="List the samplers")
    def samplers() -> list[dict[str, Any]]:
        """An alias is as good as the name; those of extensions have theirs alone."""
        offered = (
            info for each in context.extensions.studio.offers.values() for info in each.samplers
        )
        return [_sampler(info) for info in (*SAMPLERS, *offered)]

    @router.get("/schedulers", summary="List the noise schedules")
    def schedulers() -> list[dict[str, Any]]:
        """Name or label will do; those of extensions have one name."""
        offered = context.extensions.studio.choices("schedule")
        own = [{**_SCHEDULER, "name": name, "label": name} for name in offered]
        return [
            {
                **_SCHEDULER, "name": label.lower().replace(" ", "_"), "label": label,
                "default_rho": _DEFAULT_RHO.get(label, -1.0),
            }
            for label in SCHEDULES
        ] + own  # fmt: skip

    @router.get("/latent-upscale-modes", summary="List the latent upscalers")
    def latent_modes() -> list[dict[str, str]]:
        """For hr_upscaler."""
        return [{"name": name} for name in LATENT_UPSCALERS]

    @router.get("/scripts", summary="List the scripts")
    def scripts() -> dict[str, list[str]]:
        """Always-on scripts that are understood, and those that script_name selects."""
        named = {"txt2img": False, "img2img": True}
        return {tab: [*_ALWAYS[of], *_SELECTED[of]] for tab, of in named.items()}

    @router.get("/script-info", summary="See what scripts take")
    def script_info() -> list[dict[str, Any]]:
        """Names alone: arguments are those of AUTOMATIC1111's scripts."""
        return [
            {"name": name, "is_alwayson": always, "is_img2img": is_img2img, "args": []}
            for is_img2img in (False, True)
            for always, names in ((True, _ALWAYS[is_img2img]), (False, _SELECTED[is_img2img]))
            for name in names
        ]


def _add_models(router: APIRouter, context: ApiContext) -> None:

    @router.get("/sd-models", summary="List the checkpoints")
    def models() -> list[dict[str, Any]]:
        """`title` is what sd_model_checkpoint takes."""
        infos = [info for info in context.catalog.models() if info.task != "upscale"]
        known = context.hashes.of_files(info.path for info in infos)
        return [_model(info, known.get(info.path)) for info in infos]

    @router.get("/sd-vae", summary="List the VAE files")
    def vaes() -> list[dict[str, str]]:
        """Those that a request's `vae` may name, by their ids."""
        return [
            {"model_name": str(info.id), "filename": str(info.id)}
            for info in context.catalog.adapters("vae")
        ]

    @router.get("/sd-modules", summary="List VAE and text encoder files, as Forge does")
    def modules() -> list[dict[str, str]]:
        """None: a model is drawn with its own."""
        return []

    @router.get("/upscalers", summary="List the upscalers")
    def upscalers() -> list[dict[str, Any]]:
        """For upscaler_1, and those without a model for hr_upscaler."""
        return [
            {
                "name": name, "model_name": model, "model_path": None, "model_url": None,
                "scale": scale,
            }
            for name, model, scale in upscaler_names(context)
        ]  # fmt: skip

    @router.get("/face-restorers", summary="List the face restorers")
    def face_restorers() -> list[dict[str, Any]]:
        """None."""
        return []

    @router.get("/realesrgan-models", summary="List the Real-ESRGAN models")
    def realesrgan() -> list[dict[str, Any]]:
        """None by that name; see /upscalers."""
        return []


def _add_adapters(router: APIRouter, context: ApiContext) -> None:

    @router.get("/loras", summary="List the LoRAs")
    def loras() -> list[dict[str, Any]]:
        """`name` is what <lora:name:1> takes."""
        return [
            {"name": info.name, "alias": info.name, "path": str(info.id),
             "metadata": dict(info.training)}
            for info in context.catalog.adapters("lora")
        ]  # fmt: skip

    @router.get("/embeddings", summary="List the embeddings")
    def embeddings() -> dict[str, Any]:
        """By the names that prompts call them."""
        loaded = {
            info.name: {
                "step": None, "sd_checkpoint": None, "sd_checkpoint_name": None,
                "shape": info.text_width, "vectors": info.vectors,
            }
            for info in context.catalog.adapters("embedding")
        }  # fmt: skip
        return {"loaded": loaded, "skipped": {}}

    @router.get("/hypernetworks", summary="List the hypernetworks")
    def hypernetworks() -> list[dict[str, Any]]:
        """By the names that `<hypernet:name:1>` takes."""
        found = context.catalog.adapters("hypernetwork")
        return [{"name": info.name, "path": info.path} for info in found]

    @router.get("/prompt-styles", summary="List the styles")
    def styles() -> list[dict[str, Any]]:
        """By the names that `styles` takes."""
        return [
            {"name": s.name, "prompt": s.prompt, "negative_prompt": s.negative_prompt}
            for s in context.words.styles.list()
        ]


def _sampler(info: SamplerInfo) -> dict[str, Any]:
    options = {"scheduler": info.automatic_schedule.lower().replace(" ", "_")}
    marks = {
        "uses_ensd": info.stochastic,
        "second_order": info.evaluations_per_step > 1,
        "discard_next_to_last_sigma": info.discards_penultimate,
    }
    said = {name: "True" for name, holds in marks.items() if holds}
    return {"name": info.name, "aliases": list(info.aliases), "options": {**options, **said}}


def _model(info: CheckpointInfo, known: KnownHash | None) -> dict[str, Any]:
    sha256 = None if known is None else known.sha256
    return {
        "title": str(info.id), "model_name": str(info.id).rsplit("/", 1)[-1], "hash": sha256 and sha256[:MODEL_DIGITS],
        "sha256": sha256, "filename": str(info.id), "config": None,
    }  # fmt: skip
