"""A tab, a panel and a button of the page, the routes behind them, and settings."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from pydantic import BaseModel, Field

from webui.contracts.access import StudioAccess
from webui.contracts.ids import PictureId
from webui.contracts.job import Picture
from webui.contracts.page import PageAction, PagePanel, PageTab
from webui.hooks.specs import hookimpl

from .notes import Draft, Note, NoteStore

WORDS = ("prompt", "negative_prompt")


class Settings(BaseModel):
    """Shown on the Extensions tab."""

    shown: int = Field(100, ge=1, le=1000, title="Notes shown", description="Most that a search gives.")
    keep_prompts: bool = Field(
        False, title="Keep every prompt", description="Note the words of each new picture, once while they stay."
    )


@hookimpl
def settings() -> type[BaseModel]:
    """The typed settings."""
    return Settings


@hookimpl
def tabs() -> Sequence[PageTab]:
    """The notebook."""
    return [PageTab("notes", "Notebook", "tab.js")]


@hookimpl
def panels() -> Sequence[PagePanel]:
    """A search beside the prompt."""
    return [PagePanel("Notes", "panel.js", ("txt2img", "img2img"))]


@hookimpl
def actions() -> Sequence[PageAction]:
    """A button below pictures."""
    return [PageAction("pin", "Note", "pin.js", icon="M6 3h12v18l-6-4-6 4zM9 8h6M9 12h6")]


@hookimpl
def routes(access: StudioAccess) -> APIRouter:
    """`/api/v1/extensions/notebook/notes`."""
    router, store = APIRouter(), NoteStore(access.folder)

    @router.get("/notes")
    def find(find: str = "") -> list[Note]:
        """Notes that say all of these words, newest first."""
        return store.find(find, access.settings().shown)

    @router.post("/notes", status_code=201)
    def add(draft: Draft) -> Note:
        """Keep a note; one that is pinned to a picture and has no words takes the picture's."""
        if draft.picture:
            draft = _with_words(draft, access)
        return store.add(draft)

    @router.put("/notes/{note}")
    def change(note: str, draft: Draft) -> Note:
        """Change what is said of a note; the rest stays."""
        return store.change(note, draft)

    @router.delete("/notes/{note}", status_code=204)
    def remove(note: str) -> None:
        """Throw it away."""
        store.remove(note)

    return router


@hookimpl
def wildcards(access: StudioAccess) -> Mapping[str, Sequence[str]]:
    """`__notebook/prompts__` is the prompt of a note at random."""
    notes = NoteStore(access.folder).find("", access.settings().shown)
    return {"prompts": [" ".join(note.prompt.split()) for note in notes if note.prompt.strip()]}


@hookimpl
def picture_saved(picture: Picture, access: StudioAccess) -> None:
    """Where that is wished, the words of a new picture become a note, unless the latest has them."""
    if not access.settings().keep_prompts:
        return
    store = NoteStore(access.folder)
    draft = _with_words(Draft(picture=picture.id), access)
    latest = store.find("", 1)
    if not latest or any(getattr(latest[0], name) != getattr(draft, name) for name in WORDS):
        store.add(draft)


def _with_words(draft: Draft, access: StudioAccess) -> Draft:
    request = access.request_of(PictureId(draft.picture))
    words = {name: getattr(draft, name) or getattr(request, name) for name in WORDS}
    return draft.model_copy(update=words)
