"""Upscalers by the names that clients see: resampling, networks, and models made for it."""

from __future__ import annotations

from typing import Any

from webui.api.context import ApiContext
from webui.contracts.errors import BadRequest
from webui.contracts.ids import ModelId
from webui.contracts.parameters.upscaling import LANCZOS, NEAREST
from webui.services.catalog import Catalog
from webui.services.model_names import model_called

NO_UPSCALER = "None"
_PLAIN = (LANCZOS, NEAREST)


def upscaler_names(context: ApiContext) -> list[tuple[str, str | None, float]]:
    """Name, model behind it where there is one, and how many times it enlarges."""
    catalog, studio = context.catalog, context.extensions.studio
    models = [(str(m.id), str(m.id), float(m.latent_factor)) for m in catalog.models("upscale")]
    networks = [(info.name, str(info.id), 4.0) for info in catalog.adapters("upscaler")]
    named = ((name, None, 4.0) for name in (*_PLAIN, *studio.choices("upscaler")))
    return [(NO_UPSCALER, None, 4.0), *named, *networks, *models]


def network_called(name: str, catalog: Catalog) -> str | None:
    """Id of the upscaler network of this name; None where there is none."""
    return next((str(i.id) for i in catalog.adapters("upscaler") if i.name == name), None)


def upscaler_fields(name: str, context: ApiContext) -> dict[str, Any]:
    """Fields of a request that enlarges by an upscaler.

    Raises:
        BadRequest: there is none of this name.
    """
    catalog = context.catalog
    if name in (*_PLAIN, *context.extensions.studio.choices("upscaler")):
        return {"upscaler": name}
    if (network := network_called(name, catalog)) is not None:
        return {"upscaler": network}
    model: ModelId | None = model_called(name, catalog)
    if model is not None and catalog.get(model).task == "upscale":
        return {"model": model}
    known = ", ".join(name for name, _, _ in upscaler_names(context))
    raise BadRequest(f"There is no upscaler {name[:100]!r}. Those that there are: {known}.")
