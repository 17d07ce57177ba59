"""Prompts while they are written: what they will be read as, and the words that there are for them."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import (
    ErrorView,
    PromptProblemView,
    PromptReadingView,
    PromptsView,
    StyleView,
    WordsView,
)
from webui.contracts.parameters.words import TEXTS
from webui.contracts.request import GenerationRequest
from webui.prompt.styles import Style
from webui.services.prompt_reader import PromptReading

_UNFIT = {"model": ErrorView, "description": "Without a name, without words, or too long."}


def prompts_router(context: ApiContext) -> APIRouter:
    """The routes /prompts, /styles and /wildcards."""
    router = APIRouter(tags=["prompts"])

    @router.post(
        "/prompts/reading", responses={422: ANSWERS[422]}, summary="Count tokens, find mistakes"
    )
    def reading(request: GenerationRequest) -> PromptsView:
        """What the prompts of an order would be read as; nothing is ordered."""
        readings = context.prompts.read(request)
        ways = context.prompts.ways(request)
        return PromptsView(**{name: _view(readings[name]) for name in TEXTS}, ways=ways)

    @router.get("/prompts/words", summary="List what a prompt may name")
    def words() -> WordsView:
        """LoRAs, hypernetworks, embeddings, styles and wildcards by the names that a prompt calls them."""
        return WordsView(**asdict(context.prompts.words()))

    @router.get("/styles", summary="List the styles")
    def styles() -> list[StyleView]:
        """Those of `styles.csv` first."""
        return [StyleView(**vars(style)) for style in context.words.styles.list()]

    @router.post("/styles", status_code=201, responses={400: _UNFIT}, summary="Save a style")
    def save(style: StyleView) -> StyleView:
        """Keep words under a name; one of the same name is replaced."""
        context.words.styles.save(Style(**style.model_dump()))
        return style

    @router.delete("/styles/{name:path}", status_code=204, responses={404: ANSWERS[404]},
                   summary="Delete a style")  # fmt: skip
    def delete(name: str) -> None:
        """Forget a style; pictures that were ordered with it keep their words."""
        context.words.styles.delete(name)

    @router.get("/wildcards", summary="List the wildcards")
    def wildcards() -> list[str]:
        """Names that a prompt may write between double underscores."""
        return list(context.words.wildcards.names())

    return router


def _view(reading: PromptReading) -> PromptReadingView:
    count = reading.count
    return PromptReadingView(
        places=None if count is None else count.places,
        room=None if count is None else count.room,
        cut=0 if count is None else count.cut,
        problems=tuple(PromptProblemView(**asdict(problem)) for problem in reading.problems),
        drawn=reading.drawn,
    )
