"""What the API says of an extension: what it is, what it adds, how it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from webui.api.views import View
from webui.contracts.extension import PERMISSIONS, ExtensionStatus, Manifest
from webui.contracts.page import PageParts
from webui.hooks.arguments import ArgumentField, Arguments
from webui.hooks.declared import declared_hooks
from webui.hooks.offers import STATIC, Offers
from webui.hooks.specs import POINTS

FILES = "/extensions"
"""Where the files of extensions are served."""


class FailureView(View):
    """Something that went wrong in an extension."""

    hook: str = Field(description="The extension point, or 'import'.")
    message: str
    kind: str = Field(
        description="'failed', 'slow', 'late' (it hears, and has not come back yet) or 'endless'."
    )
    process: str = Field(description="'studio' or 'worker'.")
    trace: str = Field(description="Where it was raised; empty where nothing was.")


class FieldView(View):
    """An argument or a setting, as a form shows it."""

    name: str
    title: str
    help: str
    kind: str = Field(description="'bool', 'int', 'float', 'text' or 'choice'.")
    default: JsonValue
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]


class SettingsView(View):
    """The settings of an extension."""

    fields: tuple[FieldView, ...]
    values: dict[str, JsonValue]


class PartView(View):
    """Something that an extension adds to the page."""

    name: str = Field(description="Of an action, its function; of a tab, its part of the address.")
    title: str
    module: str = Field(description="Address of its ES module.")
    tabs: tuple[str, ...] = Field((), description="Forms that a panel stands in.")
    place: str = Field("", description="Of an action: 'picture' or 'header'.")
    icon: str = Field("", description="Of an action: an SVG path in a square of 24.")


class PartsView(View):
    """All that an extension adds to the page."""

    tabs: tuple[PartView, ...] = ()
    panels: tuple[PartView, ...] = ()
    actions: tuple[PartView, ...] = ()
    scripts: tuple[str, ...] = Field((), description="Addresses of ES modules.")


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
    permissions: dict[str, str] = Field(description="What it says that it does, in words.")
    hooks: tuple[str, ...] = Field(description="The extension points that its modules name.")
    arguments: dict[str, JsonValue] | None = Field(
        description="JSON schema of what stands under `extensions.<name>`; null without arguments."
    )
    fields: tuple[FieldView, ...] = Field(description="The same, as a form shows it.")
    forms: tuple[str, ...] = Field(
        description="Tabs whose forms can name it: it is in use and has arguments, or changes pictures."
    )
    settings: SettingsView | None
    page: PartsView
    source: str | None = Field(
        None, description="Where it was installed from; null where nobody noted it."
    )
    removable: bool = Field(False, description="Whether it lies where extensions are installed.")
    earlier: bool = Field(False, description="Whether an earlier edition lies in the bin.")


def extension_view(
    status: ExtensionStatus, offers: Offers | None, settings: BaseModel | None
) -> ExtensionView:
    """An extension as a client sees it; `settings` are its present ones."""
    manifest = status.manifest
    arguments = None if offers is None else offers.arguments
    hooks = declared_hooks(manifest) if manifest else ()
    return ExtensionView(
        name=status.name,
        title=(manifest.title if manifest else "") or status.name,
        version=manifest.version if manifest else "",
        summary=manifest.summary if manifest else "",
        enabled=status.enabled,
        in_use=status.in_use,
        problems=status.problems,
        failures=tuple(
            FailureView(
                hook=f.hook, message=f.message, kind=f.kind, process=f.process, trace=f.trace
            )
            for f in status.failures
        ),
        permissions={p: PERMISSIONS[p] for p in manifest.permissions} if manifest else {},
        hooks=hooks,
        arguments=None if arguments is None else arguments.model.model_json_schema(),
        fields=_fields(arguments),
        forms=offers.manifest.tabs if offers and (arguments or _takes_part(hooks)) else (),
        settings=settings_view(None if offers is None else offers.settings, settings),
        page=PartsView() if offers is None else _parts(offers.manifest, offers.page),
    )


def _takes_part(hooks: Sequence[str]) -> bool:
    """Whether it has a part in pictures whose requests name it."""
    return any(POINTS[name].kind in ("change", "wrap") for name in hooks)


def settings_view(declared: Arguments | None, settings: BaseModel | None) -> SettingsView | None:
    """The settings as a form shows them."""
    if declared is None or settings is None:
        return None
    return SettingsView(fields=_fields(declared), values=settings.model_dump(mode="json"))


def _fields(declared: Arguments | None) -> tuple[FieldView, ...]:
    return () if declared is None else tuple(_field(field) for field in declared.fields)


def _field(field: ArgumentField) -> FieldView:
    return FieldView(
        name=field.name, title=field.title, help=field.help, kind=field.kind, default=field.default,
        low=field.low, high=field.high, step=field.step, choices=field.choices,
    )  # fmt: skip


def _parts(manifest: Manifest, page: PageParts) -> PartsView:
    stamp = _stamp(manifest.folder / STATIC)

    def view(part: Any, **more: Any) -> PartView:
        name = getattr(part, "name", "")
        return PartView(name=name, title=part.title, module=address(part.module), **more)

    def address(module: str) -> str:
        return f"{FILES}/{manifest.name}/@{stamp}/{module}"

    return PartsView(
        tabs=tuple(view(tab) for tab in page.tabs),
        panels=tuple(view(panel, tabs=panel.tabs) for panel in page.panels),
        actions=tuple(view(act, place=act.place, icon=act.icon) for act in page.actions),
        scripts=tuple(address(module) for module in page.scripts),
    )


def _stamp(folder: Path) -> str:
    """Something that changes with the files: a browser keeps a module for as long as a page is open.

    It stands within the path, so that what a module imports from beside it is of the same edition.
    """
    times = [file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()]
    return f"{max(times, default=0):x}"
