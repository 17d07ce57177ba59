"""How a route of /sdapi/v1 fails: with our sentence, also under `detail`, where its clients look for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from webui.api.errors import error_answer, validation_answer
from webui.contracts.errors import EaselError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class SdapiRoute(APIRoute):
    """A route whose errors have AUTOMATIC1111's form beside ours."""

    def get_route_handler(self) -> Handler:
        """As FastAPI makes it, with other errors."""
        plain = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await plain(request)
            except EaselError as error:
                return _detailed(error_answer(error))
            except RequestValidationError as error:
                return _detailed(validation_answer(request, error))
            except HTTPException as error:
                body = {"error": str(error.detail), "detail": str(error.detail)}
                return JSONResponse(body, error.status_code)

        return handler


def _detailed(answer: JSONResponse) -> JSONResponse:
    content = json.loads(bytes(answer.body))
    return JSONResponse({**content, "detail": content["error"]}, answer.status_code)
