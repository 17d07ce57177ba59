"""Whether a request was made by a page of ours, by no page at all, or by a foreign one.

Browsers say where a request comes from in `Origin` and `Sec-Fetch-Site`; other programs send
neither. Cookies alone prove nothing, for a browser attaches them to a foreign page's requests too.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from webui.api.hosts import split_host

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def foreign_origin(headers: Headers, *, changes_state: bool) -> str | None:
    """Why this request has to be refused, as a sentence; None when it may pass."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        if _same_place(origin, headers.get("host", "")):
            return None
        return f"This request comes from a page of {origin[:100]!r}, which may not use this studio."
    if site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
        return "This request comes from a page of another site, which may not use this studio."
    if not changes_state:
        return None
    if any(name.startswith("sec-fetch-") for name in headers) or "cookie" in headers:
        return "A browser sent this request without an Origin header, so its source is unknown."
    return None


def _same_place(origin: str, host: str) -> bool:
    """Whether an origin is the address that was asked; TLS may have ended at a proxy before us."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    theirs, ours = split_host(parts.netloc), split_host(host)
    if theirs is None or ours is None or parts.scheme not in _DEFAULT_PORTS:
        return False
    if theirs[0] != ours[0]:
        return False
    default = _DEFAULT_PORTS[parts.scheme]
    return (theirs[1] or default) == (ours[1] or default)
