"""AUTOMATIC1111's options that change a picture, as fields of a request; who set them, and the routes.

An option never changes anybody else's pictures: what a client posts holds for the client's own later requests,
and `override_settings` for the one request that has them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from webui.api.context import ApiContext
from webui.api.sdapi.route import SdapiRoute
from webui.contracts.errors import FieldProblem, InvalidField, UnknownModel
from webui.contracts.parameters.sampling import MODEL_SCHEDULE
from webui.contracts.request import GenerationRequest, parse_request
from webui.services.model_names import model_called

CHECKPOINT = "sd_model_checkpoint"
MAX_CLIENTS = 1000
MAX_OPTIONS = 200

FIELDS: Mapping[str, str] = {
    CHECKPOINT: "model",
    "CLIP_stop_at_last_layers": "clip_skip",
    "eta_noise_seed_delta": "eta_noise_seed_delta",
    "randn_source": "noise_source",
    "img2img_color_correction": "colour_correction",
    "img2img_fix_steps": "exact_steps",
    "img2img_background_color": "background",
    "initial_noise_multiplier": "noise_multiplier",
    "inpainting_mask_weight": "inpainting_mask_weight",
    "eta_ancestral": "eta",
    "eta_ddim": "eta",
    "s_churn": "sigma_churn",
    "s_tmin": "sigma_tmin",
    "s_tmax": "sigma_tmax",
    "s_noise": "sigma_noise",
    "uni_pc_variant": "unipc_form",
    "uni_pc_order": "unipc_order",
    "sigma_min": "schedule_sigma_min",
    "sigma_max": "schedule_sigma_max",
    "rho": "schedule_rho",
    "beta_dist_alpha": "beta_alpha",
    "beta_dist_beta": "beta_beta",
    "always_discard_next_to_last_sigma": "discard_penultimate",
    "sgm_noise_multiplier": "sgm_noise_multiplier",
    "sd_noise_schedule": "noise_schedule",
    "token_merging_ratio": "token_merging_ratio",
    "emphasis": "emphasis",
    "use_old_scheduling": "old_prompt_timelines",
    "s_min_uncond": "negative_guidance_minimum_sigma",
    "skip_early_cond": "guidance_start",
}
"""Option to the field that it sets."""
_NONE_AT_ZERO = ("s_tmax", "sigma_min", "sigma_max", "rho")
"""Options for which 0 means what the model or the schedule has."""
_OWN = ("prompt_choices", "deep_cache_interval", "guidance_rescale", "priority")
"""Our own fields, which may be said as options too."""
_CONSTANT: Mapping[str, Any] = {
    "samples_format": "png", "return_grid": False, "grid_save": False, "save_images_add_number": True,
    "sd_vae": "Automatic", "show_progress_every_n_steps": 1, "live_previews_enable": True,
}  # fmt: skip
"""Options that others ask for, and what they always are here."""


@dataclass(frozen=True)
class Client:
    """Who asks: programs behind one address are told apart by what they call themselves."""

    address: str
    agent: str


def client_of(request: Request) -> Client:
    """The client of a request."""
    address = request.client.host if request.client else ""
    return Client(address, request.headers.get("user-agent", "")[:200])


class ClientOptions:
    """What clients have set, in memory; who has not asked for longest is forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: OrderedDict[Client, dict[str, Any]] = OrderedDict()

    def of(self, client: Client) -> Mapping[str, Any]:
        """A client's options."""
        with self._lock:
            if client in self._of:
                self._of.move_to_end(client)
            return dict(self._of.get(client, {}))

    def set(self, client: Client, options: Mapping[str, Any]) -> None:
        """Keep some options for a client's later requests."""
        with self._lock:
            self._of[client] = {**self._of.get(client, {}), **options}
            self._of.move_to_end(client)
            while len(self._of) > MAX_CLIENTS:
                self._of.popitem(last=False)


def option_fields(
    options: Mapping[str, Any], context: ApiContext, sampler: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Fields of a request that options set; and the names of those that mean nothing here.

    Of the two options for eta that counts which belongs to the sampler.

    Raises:
        UnknownModel: the checkpoint is not here.
    """
    fields: dict[str, Any] = {}
    unknown = []
    for name, value in options.items():
        field = FIELDS.get(name, name if name in _OWN else None)
        if field is None:
            if value != _CONSTANT.get(name):
                unknown.append(name)
        elif name == CHECKPOINT:
            fields[field] = checkpoint(str(value), context)
        elif value is not None and name != _foreign_eta(sampler) and value != _usual(name, field):
            fields[field] = _value(name, value)
    return fields, unknown


def checkpoint(name: str, context: ApiContext) -> str:
    """The id of a checkpoint by any name; '' for the program's own choice.

    Raises:
        UnknownModel: there is none of the name.
    """
    if not name or name == "None":
        return ""
    found = model_called(name, context.catalog)
    if found is None:
        raise UnknownModel(name, [info.id for info in context.catalog.models()[:3]])
    return found


def _foreign_eta(sampler: str) -> str:
    return "eta_ancestral" if sampler.startswith("DDIM") else "eta_ddim"


def _value(name: str, value: Any) -> Any:
    if name in _NONE_AT_ZERO and value in (0, float("inf")):
        return None
    if name == "sd_noise_schedule" and value == "Default":
        return MODEL_SCHEDULE
    return value


def _usual(name: str, field: str) -> Any:
    """What AUTOMATIC1111 would call a field's default."""
    value = GenerationRequest.model_fields[field].default
    if value is None:
        return 0 if name in _NONE_AT_ZERO else 1.0 if name == "eta_ancestral" else 0.0
    return "Default" if value == MODEL_SCHEDULE else value


def options_router(context: ApiContext, clients: ClientOptions) -> APIRouter:
    """The routes /options and /cmd-flags."""
    router = APIRouter(route_class=SdapiRoute)

    @router.get("/options", summary="See the options that hold for you")
    def options(request: Request) -> dict[str, Any]:
        """What your later requests are drawn with where they say nothing else."""
        default = context.catalog.default()
        usual = {name: _usual(name, field) for name, field in FIELDS.items()}
        model = "" if default is None else str(default.id)
        return {**_CONSTANT, **usual, CHECKPOINT: model, **clients.of(client_of(request))}

    @router.post("/options", summary="Set options for your own later requests")
    def set_options(
        request: Request, given: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any] | None:
        """Nobody else's pictures change. Options that mean nothing here are named in the answer."""
        if len(given) > MAX_OPTIONS:
            raise InvalidField(
                [FieldProblem("options", f"{len(given)} options", f"at most {MAX_OPTIONS}")]
            )
        fields, unknown = option_fields(given, context)
        parse_request({"prompt": "", **fields})
        clients.set(client_of(request), {n: v for n, v in given.items() if n not in unknown})
        return {"ignored": unknown} if unknown else None

    @router.get("/cmd-flags", summary="See how the program was started")
    def flags() -> dict[str, Any]:
        """Nothing secret, and no path."""
        return {"api": True, "nowebui": False, "api_server_stop": False, "freeze_settings": False}

    return router
