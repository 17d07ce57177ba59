"""The bin of deleted pictures."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import View
from webui.services.picture_bin import BinContents


class BinView(View):
    """What lies in the bin, or was removed from it."""

    pictures: int
    bytes: int
    refusal: str | None = Field(description="Why it is not emptied here; null where it is.")


def bin_router(context: ApiContext) -> APIRouter:
    """The routes under /bin."""
    router = APIRouter(prefix="/bin", tags=["pictures"])

    @router.get("", summary="See what is in the bin")
    def see() -> BinView:
        """Deleted pictures, but for those of jobs that are not final yet."""
        return view(context.bin.contents())

    @router.delete("", responses={403: ANSWERS[403]}, summary="Empty the bin")
    def empty() -> BinView:
        """For good: nothing brings these pictures back. Answers with what was removed."""
        return view(context.bin.empty())

    def view(contents: BinContents) -> BinView:
        return BinView(
            pictures=contents.pictures, bytes=contents.bytes, refusal=context.bin.refusal
        )

    return router
