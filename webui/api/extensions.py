"""Which extensions there are, and what a request may say to them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field, JsonValue

from webui.api.context import ApiContext
from webui.api.views import View
from webui.contracts.extension import ExtensionStatus
from webui.hooks.offers import Offers


class FailureView(View):
    """Something that went wrong in an extension; its traceback is in the studio's log."""

    hook: str = Field(description="The extension point, or 'import'.")
    message: str
    kind: str = Field(description="'failed' or 'slow'.")
    process: str = Field(description="'studio' or 'worker'.")


class ExtensionView(View):
    """An installed extension."""

    name: str
    title: str
    version: str
    summary: str
    enabled: bool
    in_use: bool = Field(description="Whether a request may name it under `extensions`.")
    problems: tuple[str, ...]
    failures: tuple[FailureView, ...]
    arguments: dict[str, JsonValue] | None = Field(
        description="JSON schema of what stands under `extensions.<name>`; null without arguments."
    )


def extensions_router(context: ApiContext) -> APIRouter:
    """The route /extensions. It changes nothing: nothing that HTTP reaches runs an extension's code anew."""
    router = APIRouter(tags=["extensions"])

    @router.get("/extensions", summary="List the extensions")
    def extensions() -> list[ExtensionView]:
        """All that are installed or enabled, those that cannot be used with the reason."""
        service = context.extensions
        return [_view(s, service.studio.offers.get(s.name)) for s in service.statuses()]

    return router


def _view(status: ExtensionStatus, offers: Offers | None) -> ExtensionView:
    manifest = status.manifest
    arguments = None if offers is None or offers.arguments is None else offers.arguments.model
    return ExtensionView(
        name=status.name,
        title=(manifest.title if manifest else "") or status.name,
        version=manifest.version if manifest else "",
        summary=manifest.summary if manifest else "",
        enabled=status.enabled,
        in_use=status.in_use,
        problems=status.problems,
        failures=tuple(
            FailureView(hook=f.hook, message=f.message, kind=f.kind, process=f.process)
            for f in status.failures
        ),
        arguments=None if arguments is None else arguments.model_json_schema(),
    )
