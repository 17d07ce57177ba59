"""Asks an extension what it offers, once, when it is loaded, and checks what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from pydantic import BaseModel

from webui.contracts.access import StudioAccess
from webui.contracts.choices import SamplerInfo
from webui.contracts.errors import HookFailed
from webui.contracts.extension import Manifest
from webui.contracts.page import (
    DRAWING_TABS,
    PLACES,
    PageAction,
    PagePanel,
    PageParts,
    PageTab,
)
from webui.contracts.palettes import Palette, palette_fault
from webui.contracts.parameters.extension_arguments import EXTENSION_NAME
from webui.contracts.preprocessor import Pixels, Preprocessor, Values
from webui.hooks.arguments import Arguments, arguments_of
from webui.hooks.families import added_family
from webui.hooks.host import HookHost
from webui.hooks.patience import Unreturned
from webui.weights.signatures.facts import Describe

STATIC = "static"
"""Folder of an extension whose files the page may load."""
_MODULES = (".js", ".mjs")

_T = TypeVar("_T")


@runtime_checkable
class Router(Protocol):
    """What is known here of a FastAPI router, which only the API imports."""

    routes: list[Any]

    def include_router(self, router: Any) -> None:
        """Add another's routes."""
        ...

    # Any: ASGI's messages and functions.
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        ...


@dataclass(frozen=True)
class Offers:
    """What one extension offers."""

    manifest: Manifest
    arguments: Arguments | None = None
    settings: Arguments | None = None
    samplers: tuple[SamplerInfo, ...] = ()
    schedules: tuple[tuple[str, str], ...] = ()
    """(name, explanation)."""
    guidance_methods: tuple[tuple[str, str], ...] = ()
    """(name, explanation)."""
    upscalers: tuple[tuple[str, str], ...] = ()
    """(name, explanation)."""
    families: tuple[tuple[str, Describe], ...] = ()
    """(name, what tells its files from others)."""
    palettes: tuple[tuple[str, Palette], ...] = ()
    """(name, palette)."""
    preprocessors: tuple[Preprocessor, ...] = ()
    page: PageParts = field(default_factory=PageParts)
    router: Router | None = None


def offered_settings(host: HookHost, manifest: Manifest) -> Arguments | None:
    """The settings of an extension; None where it has none."""

    def checked(given: Any) -> Arguments | None:
        if given is None:
            return None
        if not (isinstance(given, type) and issubclass(given, BaseModel)):
            raise TypeError(
                f"{given!r:.200} was given; a class derived from pydantic.BaseModel was expected."
            )
        return arguments_of(manifest, given, f"settings.{manifest.name}")

    return _of(host, "settings", manifest, checked)


def offered(host: HookHost, known: Offers, access: Callable[[str], StudioAccess]) -> Offers:
    """What an extension offers beside what is `known` of it already."""
    manifest = known.manifest
    name = manifest.name
    samplers = _of(host, "samplers", manifest, several(SamplerInfo)) or ()
    schedules = _of(host, "schedules", manifest, _explained) or ()
    methods = _of(host, "guidance_methods", manifest, _explained) or ()
    upscalers = _of(host, "upscalers", manifest, _explained) or ()
    families = _of(host, "families", manifest, _functions) or ()
    palettes = _of(host, "palettes", manifest, _palettes) or ()
    preprocessors = _of(host, "preprocessors", manifest, several(Preprocessor)) or ()
    with_routes = name in host.users("routes")
    return replace(
        known,
        samplers=tuple(replace(info, name=f"{name}/{info.name}", aliases=()) for info in samplers),
        schedules=tuple((f"{name}/{each}", said) for each, said in schedules),
        guidance_methods=tuple((f"{name}/{each}", said) for each, said in methods),
        upscalers=tuple((f"{name}/{each}", said) for each, said in upscalers),
        families=tuple(added_family(host, name, each, run) for each, run in families),
        palettes=tuple((f"{name}/{each}", palette) for each, palette in palettes),
        preprocessors=tuple(_named(host, name, each) for each in preprocessors),
        page=_page_parts(host, manifest),
        router=_of(host, "routes", manifest, _router, access=access(name)) if with_routes else None,
    )


def _named(host: HookHost, extension: str, offered: Preprocessor) -> Preprocessor:
    """A preprocessor by its whole name, whose failures carry the extension's."""

    def run(pixels: Pixels, values: Values) -> Pixels:
        try:
            made = np.asarray(
                host.waited(extension, "preprocessors", lambda: offered.run(pixels, values))
            )
            if made.dtype != np.uint8 or made.shape != pixels.shape:
                raise TypeError(
                    f"an array of shape {made.shape} and {made.dtype} was given; {pixels.shape} of uint8 was expected"
                )
        except Unreturned:
            raise
        except Exception as error:
            host.log.note(extension, "preprocessors", error)
            raise HookFailed(
                f"The extension {extension!r} failed in its preprocessor {offered.name!r}: {error}."
            ) from error
        return np.ascontiguousarray(made)

    return replace(offered, name=f"{extension}/{offered.name}", run=run)


def _page_parts(host: HookHost, manifest: Manifest) -> PageParts:
    def checked(of: Callable[[Any], Sequence[_T]], see: Callable[[Manifest, _T], None]) -> Any:
        def check(given: Any) -> tuple[_T, ...]:
            parts = tuple(of(given))
            for part in parts:
                see(manifest, part)
            return parts

        return check

    return PageParts(
        _of(host, "tabs", manifest, checked(several(PageTab), _see_tab)) or (),
        _of(host, "panels", manifest, checked(several(PagePanel), _see_panel)) or (),
        _of(host, "actions", manifest, checked(several(PageAction), _see_action)) or (),
        _of(host, "scripts", manifest, checked(several(str), _see_module)) or (),
    )


def _of(
    host: HookHost, hook: str, manifest: Manifest, checked: Callable[[Any], _T], **arguments: Any
) -> _T | None:
    answers = host.collect(hook, checked, only=manifest.name, **arguments)
    return answers[0][1] if answers else None


# Any: what an extension gives, which may be anything.


def one(kind: type[_T]) -> Callable[[Any], _T]:
    """A check that what is given is of a kind; it raises TypeError."""

    def checked(given: Any) -> _T:
        if not isinstance(given, kind):
            raise TypeError(f"{given!r:.200} was given; a {kind.__name__} was expected.")
        return given

    return checked


def several(kind: type[_T]) -> Callable[[Any], Sequence[_T]]:
    """A check that what is given are any number of a kind, or None; it raises TypeError."""

    def checked(given: Any) -> Sequence[_T]:
        if isinstance(given, str):
            raise TypeError(f"{given!r:.200} was given; several {kind.__name__} were expected.")
        return [one(kind)(each) for each in given or ()]

    return checked


def _explained(given: Any) -> tuple[tuple[str, str], ...]:
    table = dict(given or {})
    wrong = [
        name
        for name, said in table.items()
        if not (isinstance(name, str) and isinstance(said, str))
    ]
    if wrong:
        raise TypeError(f"{table!r:.200} was given; names and explanations were expected.")
    return tuple(table.items())


def _functions(given: Any) -> tuple[tuple[str, Any], ...]:
    table = dict(given or {})
    for name, run in table.items():
        if not callable(run):
            raise TypeError(
                f"{one(str)(name)!r:.100}: {run!r:.100} was given; a function was expected."
            )
    return tuple(table.items())


def _palettes(given: Any) -> tuple[tuple[str, Palette], ...]:
    table = dict(given or {})
    for name, palette in table.items():
        one(str)(name)
        if fault := palette_fault(one(Palette)(palette)):
            raise ValueError(f"The palette {name!r:.100} {fault}.")
    return tuple(table.items())


def _router(given: Any) -> Router | None:
    if given is not None and not isinstance(given, Router):
        raise TypeError(f"{given!r:.200} was given; a fastapi.APIRouter was expected.")
    return given


def _see_tab(manifest: Manifest, tab: PageTab) -> None:
    if not EXTENSION_NAME.fullmatch(tab.name):
        raise ValueError(f"The tab's name is {tab.name!r:.100}, expected a-z, 0-9 and _.")
    _see_title(tab.title)
    _see_module(manifest, tab.module)


def _see_panel(manifest: Manifest, panel: PagePanel) -> None:
    strange = [name for name in panel.tabs if name not in DRAWING_TABS]
    if strange:
        raise ValueError(
            f"The panel {panel.title!r:.100} is for the tabs {panel.tabs!r:.100}, expected some of "
            f"{', '.join(DRAWING_TABS)}."
        )
    _see_title(panel.title)
    _see_module(manifest, panel.module)


def _see_action(manifest: Manifest, action: PageAction) -> None:
    if not EXTENSION_NAME.fullmatch(action.name):
        raise ValueError(f"The action's name is {action.name!r:.100}, expected a-z, 0-9 and _.")
    if action.place not in PLACES:
        raise ValueError(
            f"The action {action.name!r} is for {action.place!r:.100}, expected one of {', '.join(PLACES)}."
        )
    _see_title(action.title)
    _see_module(manifest, action.module)


def _see_title(title: str) -> None:
    if not 0 < len(title) <= 40:
        raise ValueError(f"The title {title!r:.100} has {len(title)} characters, expected 1 to 40.")


def _see_module(manifest: Manifest, module: str) -> None:
    """See that it is a file below the extension's `static/`."""
    parts = PurePosixPath(module).parts
    file = manifest.folder / STATIC / module
    if ".." in parts or not module.endswith(_MODULES) or not file.is_file():
        raise ValueError(
            f"{module!r:.100} is no ES module of the extension; a .js or .mjs below {STATIC}/ was expected."
        )
