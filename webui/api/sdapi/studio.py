"""The machine, and what AUTOMATIC1111 does by hand that goes by itself here, or not at all."""

from __future__ import annotations

from typing import Any

import psutil
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.api.sdapi.route import SdapiRoute

UNLOADED = "The models leave the memory as soon as nothing is being drawn, and come back when a request needs them."
BY_ITSELF = "Models are loaded when a request needs them; nothing was done now."


def studio_router(context: ApiContext) -> APIRouter:
    """The routes /memory, /refresh-*, /unload-checkpoint, /reload-checkpoint, /interrogate and /extensions."""
    router = APIRouter(route_class=SdapiRoute)

    @router.get("/memory", summary="See how much memory there is")
    def memory() -> dict[str, Any]:
        """Bytes of the machine, and what the worker holds of weights; a GPU's own are not measured."""
        ram = psutil.virtual_memory()
        status = context.dispatcher.status()
        device = {
            "error": "not measured", "device": status.device, "weights": status.resident_bytes,
        }  # fmt: skip
        return {
            "ram": {"free": ram.available, "used": ram.used, "total": ram.total},
            "cuda": device,
        }

    for name in ("checkpoints", "vae", "loras", "embeddings"):
        router.add_api_route(
            f"/refresh-{name}",
            _refresh(context),
            methods=["POST"],
            summary=f"Look for {name} again",
        )

    @router.post("/unload-checkpoint", summary="Unload the model")
    def unload() -> dict[str, str]:
        """Give the memory of all models back to the system; what is being drawn is drawn to its end."""
        context.dispatcher.renew_workers(warm_up=False)
        return {"note": UNLOADED}

    @router.post("/reload-checkpoint", summary="Load the model again")
    def reload() -> dict[str, str]:
        """Nothing: see the sentence in the answer."""
        return {"note": BY_ITSELF}

    @router.post("/interrogate", summary="Describe a picture")
    def interrogate() -> None:
        """Refused: there is no model here that puts pictures into words."""
        raise HTTPException(
            501,
            "Easel has no model that describes pictures, so it cannot interrogate one. /sdapi/v1/png-info reads "
            "what a picture was made with, where that is written in its file.",
        )

    @router.get("/extensions", summary="List the extensions")
    def extensions() -> list[dict[str, Any]]:
        """Of AUTOMATIC1111's kind there are none."""
        return []

    return router


def _refresh(context: ApiContext) -> Any:
    def refresh() -> None:
        """Files are looked for again at the next question."""
        context.catalog.refresh()

    return refresh
