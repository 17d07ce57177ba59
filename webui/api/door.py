"""The pages of the login: GET and POST /login, POST /logout. Answered by the guard itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from webui.api.answers import send_answer, send_error, small_page
from webui.api.login import SESSION_SECONDS, Login, basic_credentials

_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
_FORM = """{problem}<form method="post" action="/login">
<input type="hidden" name="next" value="{following}">
<label>User<input name="user" autocomplete="username" autofocus required></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button></form>"""


class Door:
    """Decides whether a request is let in, and answers those that are not."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def admits(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the application may see this request; if not, it has been answered."""
        request = Request(scope, receive)
        if request.url.path == "/login":
            await self._login_page(request, send)
            return False
        if request.url.path == "/logout" and request.method == "POST":
            self._login.close_session(request.headers)
            await _redirect(
                send, "/login", {"set-cookie": f"{self._login.cookie}=; Path=/; Max-Age=0"}
            )
            return False
        if self._login.has_session(request.headers):
            return True
        return await self._basic(request, send)

    def admits_socket(self, scope: Scope) -> bool:
        """Whether a websocket may open: it cannot show a login page, so it needs a session."""
        return self._login.has_session(Request({**scope, "type": "http", "method": "GET"}).headers)

    async def _basic(self, request: Request, send: Send) -> bool:
        given = basic_credentials(request.headers)
        if given is None:
            await self._ask(request, send)
            return False
        if await self._must_wait(request, send):
            return False
        right = self._login.is_right(*given)
        self._login.count_guess(_address(request), right=right)
        if not right:
            await self._ask(request, send)
        return right

    async def _ask(self, request: Request, send: Send) -> None:
        """Show the login page to a person, and tell a program what is missing."""
        is_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get(
            "accept", ""
        )
        if is_page:
            following = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            await _redirect(send, "/login?next=" + quote(following, safe=""))
            return
        from_page = "sec-fetch-site" in request.headers  # a browser would open a dialog of its own
        challenge = (
            {} if from_page else {"www-authenticate": 'Basic realm="Easel", charset="UTF-8"'}
        )
        sentence = (
            "A login is required: log in at /login, or send the user and password by HTTP Basic."
        )
        await send_error(send, 401, sentence, challenge)

    async def _login_page(self, request: Request, send: Send) -> None:
        if request.method != "POST":
            await _show_form(send, 200, "", _local_path(request.query_params.get("next", "/")))
            return
        if await self._must_wait(request, send):
            return
        form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
        user, password, following = (form.get(k, [""])[0] for k in ("user", "password", "next"))
        right = self._login.is_right(user, password)
        self._login.count_guess(_address(request), right=right)
        if not right:
            await _show_form(send, 403, "User or password is wrong.", _local_path(following))
            return
        secure = "; Secure" if request.headers.get("x-forwarded-proto") == "https" else ""
        cookie = (
            f"{self._login.cookie}={self._login.open_session()}; Path=/; HttpOnly; SameSite=Lax; "
            f"Max-Age={SESSION_SECONDS}{secure}"
        )
        await _redirect(send, _local_path(following), {"set-cookie": cookie})

    async def _must_wait(self, request: Request, send: Send) -> bool:
        seconds = math.ceil(self._login.wait_seconds(_address(request)))
        if seconds:
            sentence = f"Too many wrong logins from your address. Try again in {seconds} s."
            await send_error(send, 429, sentence, {"retry-after": str(seconds)})
        return seconds > 0


def _address(request: Request) -> str:
    """Whose guesses are counted together; visitors of a share link are not the machine's owner."""
    client = request.client.host if request.client else "unknown"
    return f"{client} {request.headers.get('host', '')}"


def _local_path(path: str) -> str:
    """A path of ours, whatever was asked for: nobody is sent to another site after the login."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\"))
    is_plain = path.isascii() and path.isprintable()
    return path if is_local and is_plain and "\\" not in path else "/"


async def _show_form(send: Send, status: int, problem: str, following: str) -> None:
    shown = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    body = _FORM.format(problem=shown, following=escape(following, quote=True))
    await send_answer(
        send, status, small_page("Easel", body), "text/html; charset=utf-8", _PAGE_HEADERS
    )


async def _redirect(send: Send, where: str, headers: Mapping[str, str] | None = None) -> None:
    await send_answer(send, 303, b"", "text/plain", {"location": where, **(headers or {})})
