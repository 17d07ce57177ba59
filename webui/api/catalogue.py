"""What can be chosen: models, samplers, schedules."""

from __future__ import annotations

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.views import ModelView, SamplerView, ScheduleView, model_view
from webui.contracts.choices import SAMPLERS, SCHEDULES


def catalogue_router(context: ApiContext) -> APIRouter:
    """The routes /models, /samplers and /schedules."""
    router = APIRouter(tags=["choices"])

    @router.get("/models", summary="List the installed models")
    def models() -> list[ModelView]:
        """Every checkpoint that can draw."""
        return [model_view(model) for model in context.catalog.models()]

    @router.get("/samplers", summary="List the samplers")
    def samplers() -> list[SamplerView]:
        """In menu order; an alias is as good as the name."""
        return [
            SamplerView(
                name=info.name,
                aliases=info.aliases,
                automatic_schedule=info.automatic_schedule,
                stochastic=info.stochastic,
            )
            for info in SAMPLERS
        ]

    @router.get("/schedules", summary="List the noise schedules")
    def schedules() -> list[ScheduleView]:
        """In menu order."""
        return [ScheduleView(name=name, description=text) for name, text in SCHEDULES.items()]

    return router
