"""The API's documentation at /docs: one page of our own, so that it works without a network."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

_PAGE = Path(__file__).with_name("docs.html")
_POLICY = (
    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def docs_router() -> APIRouter:
    """The route /docs; the page reads /openapi.json."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        """The page."""
        return FileResponse(
            _PAGE, media_type="text/html", headers={"content-security-policy": _POLICY}
        )

    return router
