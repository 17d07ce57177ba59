"""Which extensions there are, what they add and are set to, and whether they are in use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, JsonValue

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.extension_views import ExtensionView, SettingsView, extension_view, settings_view
from webui.contracts.extension import ExtensionStatus
from webui.contracts.parameters.extension_arguments import EXTENSION_NAME
from webui.services.extensions import ExtensionService

Name = Annotated[str, Path(description="Of the extension.", pattern=EXTENSION_NAME.pattern)]


class Switch(BaseModel):
    """Whether an extension is wanted."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool


def extensions_router(context: ApiContext) -> APIRouter:
    """The routes below /extensions that use what is installed."""
    router = APIRouter(prefix="/extensions", tags=["extensions"], responses={404: ANSWERS[404]})
    service = context.extensions

    @router.get("", summary="List the extensions")
    def extensions() -> list[ExtensionView]:
        """All that are installed or enabled, those that cannot be used with the reason."""
        return [view_of(context, status) for status in service.statuses()]

    @router.put("/{name}", responses={422: ANSWERS[422]}, summary="Use an extension, or no longer")
    def switch(name: Name, wanted: Switch) -> ExtensionView:
        """At once, and after the next start. Its code runs with the rights of the studio."""
        return view_of(context, service.enable(name, wanted.enabled))

    @router.get("/{name}/settings", summary="See the settings of an extension")
    def settings(name: Name) -> SettingsView | None:
        """Null for one without settings; it must be in use."""
        return _settings(service, name)

    @router.put(
        "/{name}/settings",
        responses={400: ANSWERS[422], 422: ANSWERS[422]},
        summary="Change the settings of an extension",
    )
    def change(name: Name, values: dict[str, JsonValue]) -> SettingsView | None:
        """All of them: one that is not named is as usual. It must be in use."""
        service.put_settings(name, values)
        return _settings(service, name)

    return router


def _settings(service: ExtensionService, name: str) -> SettingsView | None:
    settings = service.settings(name)
    return settings_view(service.studio.offers[name].settings, settings)


def view_of(context: ApiContext, status: ExtensionStatus) -> ExtensionView:
    """An extension as the API shows it."""
    service, shelf = context.extensions, context.installer.shelf
    offers = service.studio.offers.get(status.name)
    settings = None if offers is None else service.settings(status.name)
    origin, earlier = shelf.origin(status.name), shelf.earlier(status.name)
    return extension_view(status, offers, settings).model_copy(
        update={
            "source": None if origin is None else origin.source,
            "removable": shelf.edition(status.name) is not None,
            "earlier": earlier is not None,
        }
    )
