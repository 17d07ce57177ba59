"""txt2img and img2img: ordered, waited for, answered."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.sdapi.answers import DrawAnswer, answer_of
from webui.api.sdapi.bodies import DrawBody, Img2ImgBody, Txt2ImgBody
from webui.api.sdapi.options import ClientOptions, client_of
from webui.api.sdapi.orders import order_of
from webui.api.sdapi.plots import with_grid
from webui.api.sdapi.route import SdapiRoute
from webui.api.sdapi.runs import Runs


def drawing_router(context: ApiContext, clients: ClientOptions, runs: Runs) -> APIRouter:
    """The routes /txt2img and /img2img."""
    router = APIRouter(route_class=SdapiRoute)

    async def draw(body: DrawBody, request: Request) -> DrawAnswer:
        client = client_of(request)
        order = await run_in_threadpool(order_of, body, clients.of(client), context)
        wanted = order.listed or order.request
        jobs = await runs.draw(client, body.force_task_id, wanted, order.rounds)
        answered = jobs if order.script is None else await with_grid(order.script, jobs, context)
        return await run_in_threadpool(answer_of, body, order, answered, context)

    @router.post("/txt2img", summary="Draw from words, and wait")
    async def txt2img(body: Txt2ImgBody, request: Request) -> DrawAnswer:
        """Answers when all pictures are there; they are jobs like any other and are kept."""
        return await draw(body, request)

    @router.post("/img2img", summary="Draw from a picture, and wait")
    async def img2img(body: Img2ImgBody, request: Request) -> DrawAnswer:
        """As txt2img, from the first of init_images; with a mask, that part of it."""
        return await draw(body, request)

    return router
