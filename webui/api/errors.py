"""Errors become answers of one form: {"error": sentence} and, for fields, "problems"."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.api.views import ErrorView
from webui.contracts import errors
from webui.contracts.errors import EaselError, FieldProblem, InvalidField
from webui.contracts.request import problems_in

STATUS: tuple[tuple[type[EaselError], int], ...] = (
    (errors.InvalidField, 422),
    (errors.UnknownModel, 422),
    (errors.UnknownAdapter, 422),
    (errors.UnknownWildcard, 422),
    (errors.UnknownVariable, 422),
    (errors.BadImage, 400),
    (errors.BadRequest, 400),
    (errors.NotFound, 404),
    (errors.NotAllowed, 403),
    (errors.NotAModel, 422),
    (errors.BrokenModel, 422),
    (errors.OutOfMemory, 503),
    (errors.DownloadFailed, 502),
    (errors.JobFailed, 500),
    (EaselError, 500),
)
"""The first class that fits decides."""

ANSWERS: dict[int | str, dict[str, Any]] = {
    403: {"model": ErrorView, "description": "Others may reach this studio."},
    404: {"model": ErrorView, "description": "No such id."},
    422: {
        "model": ErrorView,
        "description": "A field is out of range, unknown or of the wrong type.",
    },
}
"""For the documentation of routes."""

_log = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error that a route can meet an answer of the one form."""
    app.add_exception_handler(EaselError, _own)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_answer(error: EaselError) -> JSONResponse:
    """The answer that says this error."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    problems: Sequence[FieldProblem] = ()
    if isinstance(error, InvalidField):
        problems = error.problems
    elif isinstance(error, errors.UnknownModel):
        near = ", ".join(error.near) or "a model that is installed"
        problems = (FieldProblem("model", repr(error.model[:100]), near),)
    elif isinstance(error, errors.UnknownAdapter):
        near = ", ".join(error.near) or f"a {error.kind} that is installed"
        field = "controls" if error.kind == "controlnet" else "loras"
        problems = (FieldProblem(field, repr(error.adapter[:100]), near),)
    return _answer(status, str(error), problems)


async def _own(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EaselError)
    return error_answer(error)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return validation_answer(request, error)


def validation_answer(request: Request, error: RequestValidationError) -> JSONResponse:
    """FastAPI checks bodies and queries before a route runs; its findings in our words."""
    found = [dict(entry) for entry in error.errors()]
    if any(entry["type"] == "json_invalid" for entry in found):
        place = found[0]["loc"][-1]
        reason = found[0].get("ctx", {}).get("error", "it cannot be read")
        return _answer(422, f"The body is not valid JSON: {reason}, at character {place}.", ())
    if isinstance(error.body, bytes):
        kind = request.headers.get("content-type", "missing")
        sentence = (
            f"The Content-Type is {kind[:100]!r}, expected 'application/json' and a JSON body."
        )
        return _answer(422, sentence, ())
    named = [{**entry, "loc": tuple(entry["loc"][1:])} for entry in found]
    return error_answer(InvalidField(problems_in(named)))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = str(error.detail)
    if error.status_code == 404:
        sentence = (
            f"There is no address {request.url.path[:200]!r}. /docs lists those that there are."
        )
    elif error.status_code == 405:
        sentence = f"{request.method} does nothing at {request.url.path[:200]!r}. See /docs."
    return _answer(error.status_code, sentence, ())


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed.", request.method, request.url.path, exc_info=error)
    return _answer(
        500, "Something inside Easel failed; its log has the details. Nothing was changed.", ()
    )


def _answer(status: int, sentence: str, problems: Sequence[FieldProblem]) -> JSONResponse:
    content: dict[str, Any] = {"error": sentence}
    if problems:
        content["problems"] = [
            {"field": p.field, "value": p.value, "expected": p.expected} for p in problems
        ]
    return JSONResponse(content, status)
