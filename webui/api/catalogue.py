"""What can be chosen: models, adapters, samplers, schedules, guidance methods."""

from __future__ import annotations

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.views import (
    AdapterView,
    GuidanceMethodView,
    ModelView,
    SamplerView,
    ScheduleView,
    adapter_view,
    model_view,
)
from webui.contracts.adapter import AdapterKind
from webui.contracts.checkpoint import Task
from webui.contracts.choices import GUIDANCE_METHODS, SAMPLERS, SCHEDULES, SamplerInfo


def catalogue_router(context: ApiContext) -> APIRouter:
    """The routes /models, /adapters, /samplers, /schedules and /guidance-methods."""
    router = APIRouter(tags=["choices"])

    def offered_samplers() -> list[SamplerInfo]:
        return [i for offers in context.extensions.studio.offers.values() for i in offers.samplers]

    def offered_schedules() -> list[tuple[str, str]]:
        return [s for offers in context.extensions.studio.offers.values() for s in offers.schedules]

    def offered_methods() -> list[tuple[str, str]]:
        every = context.extensions.studio.offers.values()
        return [method for offers in every for method in offers.guidance_methods]

    @router.get("/models", summary="List the installed models")
    def models(task: Task | None = None) -> list[ModelView]:
        """Every checkpoint that can draw; with `task`, those made for it."""
        return [model_view(model) for model in context.catalog.models(task)]

    @router.get("/adapters", summary="List the installed controlnets, LoRAs and embeddings")
    def adapters(kind: AdapterKind | None = None) -> list[AdapterView]:
        """Everything that `controls`, `loras` and the prompt of a request can name."""
        return [adapter_view(adapter) for adapter in context.catalog.adapters(kind)]

    @router.get("/samplers", summary="List the samplers")
    def samplers() -> list[SamplerView]:
        """In menu order, then those of extensions; an alias is as good as the name."""
        return [
            SamplerView(
                name=info.name,
                aliases=info.aliases,
                automatic_schedule=info.automatic_schedule,
                stochastic=info.stochastic,
            )
            for info in (*SAMPLERS, *offered_samplers())
        ]

    @router.get("/schedules", summary="List the noise schedules")
    def schedules() -> list[ScheduleView]:
        """In menu order, then those of extensions."""
        every = {**SCHEDULES, **dict(offered_schedules())}
        return [ScheduleView(name=name, description=text) for name, text in every.items()]

    @router.get("/guidance-methods", summary="List the guidance methods")
    def guidance_methods() -> list[GuidanceMethodView]:
        """In menu order, then those of extensions."""
        every = {**GUIDANCE_METHODS, **dict(offered_methods())}
        return [GuidanceMethodView(name=name, description=text) for name, text in every.items()]

    return router
