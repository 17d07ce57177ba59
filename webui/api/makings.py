"""Models made of others: merged, converted, with LoRAs in them. Ordered at the computer itself only."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, View, shown
from webui.contracts.ids import MakingId
from webui.contracts.making import Kind, Making, MakingOrder, MakingState

_UNFIT: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "The recipe is none, or the name is taken."},
    403: ANSWERS[403],
    422: ANSWERS[422],
}
_MISSING: dict[int | str, dict[str, Any]] = {404: ANSWERS[404], 403: ANSWERS[403]}


class MakingView(View):
    """A making as it is now."""

    id: str
    kind: Kind
    order: MakingOrder
    target: str = Field(description="Below the folder of models.")
    state: MakingState
    bytes_done: int
    bytes_total: int | None = Field(description="About; null until it is known.")
    error: str | None
    created: float
    finished: float | None


class MakingsView(View):
    """All makings."""

    refusal: str | None = Field(description="Why none is ordered here; null where they are.")
    makings: tuple[MakingView, ...]


def makings_router(context: ApiContext) -> APIRouter:
    """The routes under /library/makings."""
    router = APIRouter(prefix="/library/makings", tags=["library"])
    makings = context.makings

    @router.get("", summary="List the models that are made")
    def every() -> MakingsView:
        """Oldest first."""
        return MakingsView(refusal=makings.refusal, makings=tuple(map(_view, makings.list())))

    @router.post("", status_code=201, responses=_UNFIT, summary="Merge or convert models")
    def order(order: MakingOrder) -> MakingView:
        """It goes on the list and is made when those before it are; it is seen among the models once it is whole."""
        return _view(makings.order(order))

    @router.post("/{making_id}/again", responses={**_UNFIT, **_MISSING}, summary="Order one again")
    def again(making_id: MakingId) -> MakingView:
        """An interrupted or failed one is made from its beginning; others stay as they are."""
        return _view(makings.again(making_id))

    @router.delete("/{making_id}", status_code=204, responses=_MISSING, summary="Cancel one")
    def drop(making_id: MakingId) -> None:
        """Take it off the list and delete what is unfinished; a model that is at its place stays there."""
        makings.drop(making_id)

    return router


def _view(making: Making) -> MakingView:
    return shown(MakingView, making, kind=making.order.kind)
