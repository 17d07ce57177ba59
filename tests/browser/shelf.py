"""Extensions as authors would write them, for the page's tests: one that adds everything, one that fails."""

from __future__ import annotations

from pathlib import Path

from tests.hooks.writing import write_extension

STUDIO = """
from fastapi import APIRouter
from pydantic import BaseModel, Field
from webui.contracts.choices import SamplerInfo
from webui.contracts.page import PageAction, PagePanel, PageTab
from webui.hooks.specs import hookimpl

class Settings(BaseModel):
    greeting: str = Field("hello", title="Greeting")
    most: int = Field(20, ge=1, le=100, title="Most notes")

@hookimpl
def settings():
    return Settings

@hookimpl
def samplers():
    return [SamplerInfo("Straight", (), "Karras", False, 1)]

@hookimpl
def change_request(request, arguments):
    return request.model_copy(update={"prompt": f"{request.prompt}, {arguments.tone}"})

@hookimpl
def routes(access):
    router = APIRouter()
    kept = []

    @router.get("/notes")
    def notes() -> list[str]:
        return [access.settings().greeting, *kept]

    @router.post("/notes")
    def keep(note: dict[str, str]) -> list[str]:
        kept.append(note["text"])
        return kept

    return router

@hookimpl
def tabs():
    return [PageTab("notes", "Notes", "tab.js")]

@hookimpl
def panels():
    return [PagePanel("Book of words", "panel.js", ("txt2img",))]

@hookimpl
def actions():
    return [
        PageAction("keep", "Keep", "act.js", icon="M6 4h12v16l-6-4-6 4z"),
        PageAction("hail", "Hail", "act.js", "header"),
    ]

@hookimpl
def scripts():
    return ["start.js"]
"""
ARGUMENTS = """
from typing import Literal
from pydantic import BaseModel, Field

class Model(BaseModel):
    strength: float = Field(0.5, ge=0, le=1, title="Strength", description="How strongly it is bound.")
    pages: int = Field(3, ge=1, title="Pages")
    tone: Literal["warm", "cold"] = Field("warm", title="Tone")
    gilded: bool = Field(False, title="Gilded")
    motto: str = Field("", title="Motto")
"""
MODULES = {
    "tab.js": """
export async function mount(element, easel) {
  element.className += ' book';
  const heading = Object.assign(document.createElement('h2'), { textContent: 'Notes' });
  const list = document.createElement('ul');
  const show = async () => list.replaceChildren(...(await easel.get('/notes')).map((textContent) => Object.assign(document.createElement('li'), { textContent })));
  element.append(heading, list);
  easel.style('tab.css');
  const off = easel.on('picture', show);
  await show();
  return off;
}
""",
    "tab.css": ".book h2 { color: rgb(1, 2, 3); }",
    "panel.js": """
export function mount(element, easel) {
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'A word' });
  button.onclick = () => easel.form.set({ prompt: `${easel.form.values().prompt} and a word` });
  element.append(button);
}
""",
    "act.js": """
export async function keep(easel, picture) {
  await easel.post('/notes', { text: `seed ${picture.seed}` });
  easel.toast('Kept a note.');
}
export async function hail(easel) {
  easel.toast(`Ordered ${typeof await easel.order({ prompt: 'a boat', seed: 5, steps: 1 })}`);
}
""",
    "start.js": """
export function start(easel) {
  window.heard = [];
  const offs = ['tab', 'form', 'job', 'picture', 'settings'].map((event) => easel.on(event, (detail) => window.heard.push([event, detail])));
  return () => { window.heard.push(['end']); };
}
""",
}  # fmt: skip
BROKEN = """
from webui.hooks.specs import hookimpl

@hookimpl
def schedules():
    raise RuntimeError("no times")

@hookimpl
def change_request(request):
    return request
"""


def fill_shelf(data_dir: Path) -> None:
    """Write the extensions `book` and `broken` and one that cannot be read into a studio's folder."""
    shelf = data_dir / "extensions"
    book = write_extension(
        shelf, "book", studio=STUDIO, arguments=ARGUMENTS, title="Book", permissions=["files"],
        summary="Binds pictures into a book, and keeps notes of them.", tabs=["txt2img", "img2img"],
    )  # fmt: skip
    (book / "static").mkdir()
    for name, text in MODULES.items():
        (book / "static" / name).write_text(text, "utf-8")
    write_extension(shelf, "broken", studio=BROKEN, title="Broken", summary="Fails on purpose.")
    write_extension(shelf, "later", studio="", title="Later", easel=">=9")
