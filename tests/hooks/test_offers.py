"""What an extension adds to the page, the API and the settings is checked when it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter

from tests.hooks.writing import write_extension
from webui.contracts.access import StudioAccess
from webui.contracts.page import DRAWING_TABS, PageParts, PageTab
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions

STUDIO = """
from fastapi import APIRouter
from pydantic import BaseModel, Field
from webui.contracts.page import PageAction, PagePanel, PageTab
from webui.hooks.specs import hookimpl

class Settings(BaseModel):
    most: int = Field(20, ge=1, le=100)

@hookimpl
def settings():
    return Settings

@hookimpl
def routes(access):
    router = APIRouter()
    router.get("/notes")(lambda: access)
    return router

@hookimpl
def tabs():
    return [PageTab("notes", "Notes", "tab.js")]

@hookimpl
def panels():
    return [PagePanel("Words", "deep/panel.mjs", ("txt2img",)), PagePanel("More", "tab.js")]

@hookimpl
def actions():
    return [PageAction("keep", "Keep", "tab.js"), PageAction("open", "Open", "tab.js", "header")]

@hookimpl
def scripts():
    return ["tab.js"]
"""


@pytest.fixture
def studio(tmp_path: Path) -> StudioExtensions:
    made = StudioExtensions(HookHost())
    made.access = lambda name: name  # type: ignore[assignment, return-value]
    folder = write_extension(tmp_path, "book", studio=STUDIO)
    (folder / "static" / "deep").mkdir(parents=True)
    (folder / "static" / "tab.js").write_text("export const mount = () => {};")
    (folder / "static" / "deep" / "panel.mjs").write_text("export const mount = () => {};")
    (folder / "outside.js").write_text("")
    made.load(read_manifest(folder))
    return made


def test_all_that_it_adds_is_there_and_goes_with_it(studio: StudioExtensions) -> None:
    offers = studio.offers["book"]
    assert offers.page.tabs == (PageTab("notes", "Notes", "tab.js"),)
    assert [panel.tabs for panel in offers.page.panels] == [("txt2img",), DRAWING_TABS]
    assert [action.place for action in offers.page.actions] == ["picture", "header"]
    assert offers.page.scripts == ("tab.js",)
    assert offers.settings is not None
    assert [(f.name, f.default, f.high) for f in offers.settings.fields] == [("most", 20, 100)]
    assert isinstance(offers.router, APIRouter)
    assert studio.host.failures() == ()
    studio.unload("book")
    assert dict(studio.offers) == {}


@pytest.mark.parametrize(
    ("hook", "given", "said"),
    [
        ("tabs", "[PageTab('Notes', 'Notes', 'tab.js')]", "expected a-z, 0-9 and _"),
        ("tabs", "[PageTab('notes', '', 'tab.js')]", "has 0 characters, expected 1 to 40"),
        ("tabs", "[PageTab('notes', 'Notes', 'gone.js')]", "'gone.js' is no ES module"),
        ("tabs", "[PageTab('notes', 'Notes', '../outside.js')]", "is no ES module"),
        ("tabs", "[3]", "a PageTab was expected"),
        ("panels", "[PagePanel('Words', 'tab.js', ('gallery',))]", "expected some of txt2img"),
        ("actions", "[PageAction('keep', 'Keep', 'tab.js', 'foot')]", "one of picture, header"),
        ("scripts", "'tab.js'", "several str were expected"),
        ("routes", "3", "a fastapi.APIRouter was expected"),
        ("settings", "3", "pydantic.BaseModel was expected"),
        ("upscalers", "3", "TypeError"),
        ("upscalers", "{'sharp': 3}", "names and explanations were expected"),
        ("palettes", "{'rooms': 3}", "a Palette was expected"),
        ("palettes", "{'rooms': Palette((), ())}", "has 0 classes; 1 to 256 were expected"),
        ("palettes", "{'rooms': Palette(('bed',), ())}", "1 classes, 0 colours and 0 words"),
        ("palettes", "{'rooms': Palette(('bed',), ((0, 0, 0),), ('a', 'b'))}", "and 2 words"),
        ("palettes", "{'rooms': Palette(('a', 'a'), ((0, 0, 0),) * 2)}", "different names"),
        ("palettes", "{'rooms': Palette((3,), ((0, 0, 0),))}", "different names"),
        ("palettes", "{'rooms': Palette(('bed',), ((0, 0, 256),))}", "from 0 to 255 were expected"),
        ("palettes", "{'rooms': Palette(('bed',), (3,))}", "TypeError"),
        ("palettes", "{3: Palette(('bed',), ((0, 0, 0),))}", "a str was expected"),
        ("families", "{'paper': 3}", "a function was expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_left_out_and_named(
    tmp_path: Path, hook: str, given: str, said: str
) -> None:
    code = f"""
from webui.contracts.page import PageAction, PagePanel, PageTab
from webui.contracts.palettes import Palette
from webui.hooks.specs import hookimpl

@hookimpl
def {hook}():
    return {given}
"""
    folder = write_extension(tmp_path, "odd", studio=code)
    (folder / "static").mkdir()
    (folder / "static" / "tab.js").write_text("")
    (folder / "outside.js").write_text("")
    studio = StudioExtensions(HookHost())
    studio.access = _no_services
    studio.load(read_manifest(folder))
    (failure,) = studio.host.failures()
    assert failure.hook == hook
    assert said in failure.message
    offers = studio.offers["odd"]
    assert (offers.page, offers.router, offers.settings) == (PageParts(), None, None)
    assert (offers.upscalers, offers.palettes, offers.families) == ((), (), ())


def _no_services(name: str) -> StudioAccess:
    return StudioAccess(name, Path(), *[None] * 6)  # type: ignore[arg-type]
