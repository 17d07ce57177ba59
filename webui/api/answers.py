"""Small complete answers, written straight to ASGI: what the guard says without the application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from starlette.types import Send


async def send_answer(
    send: Send, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None
) -> None:
    """Send a whole answer."""
    own = {"content-type": kind, "content-length": str(len(body)), "cache-control": "no-store"}
    pairs = [
        (k.encode("latin-1"), v.encode("latin-1")) for k, v in {**own, **(headers or {})}.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def send_error(
    send: Send, status: int, sentence: str, headers: Mapping[str, str] | None = None
) -> None:
    """Send an error in the form that all of the API's errors have."""
    await send_answer(
        send, status, json.dumps({"error": sentence}).encode(), "application/json", headers
    )


def small_page(title: str, body: str, head: str = "") -> bytes:
    """A page that needs nothing else: no script, no font, no picture from anywhere."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>{head}
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: light-dark(#f7f6f3, #17181c); color: light-dark(#22242a, #e6e6ea); }}
main {{ width: min(22rem, 88vw); }}
h1 {{ font-size: 1.5rem; margin: 0 0 1rem; }}
label {{ display: block; margin: .75rem 0; }}
input, button {{ font: inherit; box-sizing: border-box; width: 100%; padding: .6rem .75rem; border-radius: .5rem;
  border: 1px solid light-dark(#b9bac2, #4a4c57); background: light-dark(#fff, #22242a); color: inherit; }}
button {{ margin-top: .5rem; background: #3d5afe; border-color: #3d5afe; color: #fff; cursor: pointer; }}
.problem {{ color: light-dark(#b3261e, #ffb4ab); }}
progress {{ width: 100%; accent-color: #3d5afe; }}
</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>""".encode()
