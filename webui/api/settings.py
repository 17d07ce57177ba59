"""The studio's settings: listed with what a form needs of each, set and reset one by one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import View
from webui.contracts.preferences import SETTINGS, DeclaredSetting, Preferences

Name = Annotated[str, Path(description="Of a setting.", max_length=100)]


class SettingValue(BaseModel):
    """What a setting is to be."""

    model_config = ConfigDict(extra="forbid")

    value: JsonValue


class SettingView(View):
    """A setting as a form shows it."""

    name: str
    section: str
    title: str
    help: str = Field(description="One sentence.")
    applies: str = Field(description="When a change is obeyed.")
    kind: str = Field(description="'bool', 'int', 'float', 'text' or 'choice'.")
    value: JsonValue
    default: JsonValue
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]
    zero: str = Field(description="What 0 or nothing means, where not itself.")


class FactView(View):
    """How the program was started."""

    title: str
    value: str


class StudioSettingsView(View):
    """All settings."""

    refusal: str | None = Field(description="Why none is changed here; null where they are.")
    settings: tuple[SettingView, ...]
    facts: tuple[FactView, ...] = Field(description="None where others may reach the studio.")


def settings_router(context: ApiContext) -> APIRouter:
    """The routes below /settings."""
    router = APIRouter(tags=["settings"])
    service = context.preferences

    @router.get("/settings", summary="See the studio's settings")
    def settings() -> StudioSettingsView:
        """What each is, what it is as usual, and when a change is obeyed."""
        now = service.current()
        models = tuple(str(info.id) for info in context.catalog.models())
        facts = tuple(FactView(title=title, value=value) for title, value in context.facts)
        if service.refusal is not None:
            paths = {s.name: s.usual for s in SETTINGS if s.said.names_folder}
            now = now.model_copy(update=paths)
        shown = tuple(_view(declared, now, models) for declared in SETTINGS)
        return StudioSettingsView(refusal=service.refusal, settings=shown, facts=facts)

    @router.put(
        "/settings/{name}",
        responses={403: ANSWERS[403], 404: ANSWERS[404], 422: ANSWERS[422]},
        summary="Set one",
    )
    def change(name: Name, wanted: SettingValue) -> StudioSettingsView:
        """It is on disk when this answers, and holds for everybody."""
        service.change(name, wanted.value)
        return settings()

    @router.delete(
        "/settings/{name}",
        responses={403: ANSWERS[403], 404: ANSWERS[404]},
        summary="Let one be as usual again",
    )
    def reset(name: Name) -> StudioSettingsView:
        """Forgets what was set."""
        service.reset(name)
        return settings()

    return router


def _view(declared: DeclaredSetting, now: Preferences, models: tuple[str, ...]) -> SettingView:
    said = declared.said
    return SettingView(
        name=declared.name, section=said.section, title=said.title, help=said.help, applies=said.applies,
        kind=declared.kind, value=getattr(now, declared.name), default=declared.usual, low=declared.low,
        high=declared.high, step=said.step, choices=("", *models) if said.names_model else declared.choices,
        zero=said.zero,
    )  # fmt: skip
