"""The library: everything installed with what people noted of it, previews, the bin."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import View
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import PictureId
from webui.contracts.notes import Notes
from webui.services.library import Item
from webui.services.sidecars import Sidecar

MISSING: dict[int | str, dict[str, Any]] = {404: ANSWERS[404]}
Key = Annotated[str, Query(description="Kind and id, as listed: 'lora:starter/loras/chalk'.")]


class ProblemFileView(View):
    """A file that looks like a model and cannot be used."""

    path: str
    reason: str


class LibraryView(View):
    """Everything that is installed."""

    items: tuple[Item, ...]
    problems: tuple[ProblemFileView, ...]


class ItemNotesView(View):
    """What is noted of one, and what its file says beside."""

    notes: Notes
    beside: Sidecar = Field(
        description="What other programs left beside its file; it holds where nothing is noted."
    )
    facts: dict[str, str]


class PreviewView(BaseModel):
    """A picture of the gallery."""

    model_config = ConfigDict(extra="forbid")

    picture: PictureId


class BinnedView(View):
    """What brings a deleted one back."""

    binned: str


def library_router(context: ApiContext) -> APIRouter:
    """The routes under /library."""
    router = APIRouter(prefix="/library", tags=["library"])
    _add_reading(router, context)
    _add_changing(router, context)
    return router


def _add_reading(router: APIRouter, context: ApiContext) -> None:
    library = context.library

    @router.get("", summary="List everything that is installed")
    def everything() -> LibraryView:
        """Models, adapters, and files that cannot be used with the reason."""
        return LibraryView(
            items=library.items(),
            problems=tuple(ProblemFileView(path=p, reason=r) for p, r in library.problems()),
        )

    @router.get("/notes", responses=MISSING, summary="See what is noted of one")
    def notes(key: Key) -> ItemNotesView:
        """What a person wrote, and what its file says of itself."""
        info = library.info(key)
        facts = (
            {"Prediction": info.prediction, "Draws at": f"{info.native_width} x {info.native_height}",
             "Weights": f"{info.parameters / 1e6:.0f} million, {info.dtype}", "Task": info.task}
            if isinstance(info, CheckpointInfo) else {}
        )  # fmt: skip
        facts |= dict(info.training)
        if isinstance(info, AdapterInfo) and info.tags:
            facts["Taught with"] = ", ".join(info.tags)
        return ItemNotesView(notes=library.notes.get(key), beside=library.beside(key), facts=facts)

    @router.get("/preview", responses=MISSING, response_class=Response, summary="See its picture")
    def preview(key: Key) -> Response:
        """A small WebP: the picture that was set, or the one that lies beside its file."""
        data, kind = library.notes.preview(key, library.info(key).path)
        return Response(data, media_type=kind, headers={"cache-control": "private, max-age=60"})


def _add_changing(router: APIRouter, context: ApiContext) -> None:
    library = context.library

    @router.put("/notes", responses=MISSING, summary="Note something of one")
    def note(key: Key, notes: Notes) -> Notes:
        """In place of what was noted before."""
        library.put(key, notes)
        return notes

    @router.put("/preview", status_code=204, responses=MISSING, summary="Set its picture")
    def set_preview(key: Key, preview: PreviewView) -> None:
        """A picture of the gallery becomes its picture."""
        library.info(key)
        library.notes.set_preview(key, context.gallery.path(preview.picture))

    @router.delete("/preview", status_code=204, responses=MISSING, summary="Forget its picture")
    def clear_preview(key: Key) -> None:
        """The one that was set; one that lies beside its file shows again."""
        library.info(key)
        library.notes.clear_preview(key)

    @router.delete("", responses={400: {**ANSWERS[422]}, **MISSING}, summary="Delete one")
    def delete(key: Key) -> BinnedView:
        """Its files go to the bin, from which they can be restored."""
        return BinnedView(binned=library.delete(key))

    @router.post("/restore", status_code=204, responses=MISSING, summary="Bring a deleted one back")
    def restore(binned: BinnedView) -> None:
        """Out of the bin, to where it was."""
        library.restore(binned.binned)
