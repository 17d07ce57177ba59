"""Folders of models that are used where they lie: listed, added, removed. At the computer itself only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, View, shown

_UNFIT: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "It is no folder, cannot be read, or is known."},
    403: ANSWERS[403],
}
Path = Annotated[str, Query(max_length=1000, description="Of one that was added, as listed.")]


class AddFolderView(BaseModel):
    """A folder of this computer."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1, max_length=1000, description="The whole path; ~ is your own.")


class ModelFolderView(View):
    """A folder that is looked through."""

    path: str
    is_added: bool = Field(description="Others are Easel's own, or named by --models-dir.")
    program: str = Field(description="Whose it is; empty where it is a folder of models.")
    is_there: bool
    count: int = Field(description="Models and adapters that are used from it.")


class ModelFoldersView(View):
    """All of them."""

    refusal: str | None = Field(description="Why none is added or shown here; null where they are.")
    folders: tuple[ModelFolderView, ...]


def model_folders_router(context: ApiContext) -> APIRouter:
    """The routes under /library/folders."""
    router = APIRouter(prefix="/library/folders", tags=["library"])
    service = context.model_folders

    @router.get("", summary="List the folders of models")
    def folders() -> ModelFoldersView:
        """In the order in which they count; none where others may reach the studio."""
        if service.refusal is not None:
            return ModelFoldersView(refusal=service.refusal, folders=())
        every = tuple(shown(ModelFolderView, folder) for folder in service.list())
        return ModelFoldersView(refusal=None, folders=every)

    @router.post("", status_code=201, responses=_UNFIT, summary="Use a folder where it lies")
    def add(wanted: AddFolderView) -> ModelFoldersView:
        """Nothing is copied; it is looked through from now on, after restarts too."""
        service.add(wanted.path)
        return folders()

    @router.delete(
        "", responses={403: ANSWERS[403], 404: ANSWERS[404]}, summary="Use a folder no more"
    )
    def remove(path: Path) -> ModelFoldersView:
        """What lies in it stays as it is."""
        service.remove(path)
        return folders()

    return router
