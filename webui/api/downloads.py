"""Models from elsewhere: see what a source has, order it, follow, pause, go on, drop."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, View, shown
from webui.contracts.download import Download, DownloadState, Kind, Offer, Order
from webui.contracts.ids import DownloadId

MISSING: dict[int | str, dict[str, Any]] = {404: ANSWERS[404]}
_UNFIT: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "It is no source, or may not be fetched."},
    502: {"model": ErrorView, "description": "The site does not have it, or does not answer."},
}
_SOURCE = Field(
    max_length=2000,
    description="owner/name or owner/name@revision of the Hugging Face hub, an address there or at Civitai, or "
    "that of a file.",
    examples=["owner/name", "https://civitai.com/models/1?modelVersionId=2"],
)


class SourceView(BaseModel):
    """Where a model is."""

    model_config = ConfigDict(extra="forbid")

    source: str = _SOURCE


class OrderView(SourceView):
    """What of a source is to be fetched."""

    files: tuple[str, ...] | None = Field(None, description="As offered; open: those chosen there.")
    kind: Kind | None = Field(None, description="Open: as offered.")
    name: str | None = Field(None, max_length=200, description="Open: as offered.")
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$", description="Of the one file.")


class RemoteFileView(View):
    """A file of a source."""

    path: str
    bytes: int | None
    sha256: str | None
    is_chosen: bool


class OfferView(View):
    """What a source has."""

    source: str = Field(description="With its revision pinned.")
    title: str
    kind: Kind
    name: str
    is_folder: bool
    base: str = Field(description="What it is made for, as the source says.")
    triggers: tuple[str, ...] = Field(description="Words that call it, as the source says.")
    files: tuple[RemoteFileView, ...]


class DownloadView(View):
    """A download as it is now."""

    id: str
    source: str
    title: str
    kind: Kind
    target: str = Field(description="Below the folder of models.")
    state: DownloadState
    bytes_done: int
    bytes_total: int | None
    bytes_per_second: float | None
    seconds_left: float | None
    error: str | None
    created: float
    finished: float | None


def downloads_router(context: ApiContext) -> APIRouter:
    """The routes under /downloads."""
    router = APIRouter(prefix="/downloads", tags=["downloads"])
    downloads = context.downloads

    @router.get("", summary="List the downloads")
    def every() -> list[DownloadView]:
        """Oldest first."""
        return [download_view(download) for download in downloads.list()]

    @router.post("/look", responses=_UNFIT, summary="See what a source has")
    def look(source: SourceView) -> OfferView:
        """Nothing is fetched yet. The answer's `source` names the same content for ever."""
        return _offer_view(downloads.look(source.source))

    @router.post("", status_code=201, responses=_UNFIT, summary="Fetch a model")
    def order(order: OrderView) -> DownloadView:
        """It goes on the list and comes when those before it are there; a restart loses nothing."""
        return download_view(downloads.order(Order(**order.model_dump())))

    @router.post("/{download_id}/pause", responses=MISSING, summary="Pause a download")
    def pause(download_id: DownloadId) -> DownloadView:
        """What has come is kept."""
        return download_view(downloads.pause(download_id))

    @router.post("/{download_id}/resume", responses=MISSING, summary="Go on with a download")
    def resume(download_id: DownloadId) -> DownloadView:
        """A paused or failed one goes on where it was left."""
        return download_view(downloads.go_on(download_id))

    @router.delete("/{download_id}", status_code=204, responses=MISSING, summary="Drop a download")
    def drop(download_id: DownloadId) -> None:
        """Take it off the list; a model that is at its place stays there."""
        downloads.drop(download_id)

    return router


def download_view(download: Download) -> DownloadView:
    """As clients see it."""
    return shown(DownloadView, download)


def _offer_view(offer: Offer) -> OfferView:
    files = tuple(shown(RemoteFileView, file) for file in offer.files)
    return shown(OfferView, offer, files=files)
