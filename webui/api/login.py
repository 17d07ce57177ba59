"""Who may come in: one user, a cookie for browsers, HTTP Basic for other programs.

The password is held in memory only and compared in constant time; wrong guesses are slowed down
for each address by itself. A session is a random token of which only the hash is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

SESSION_SECONDS = 30 * 24 * 3600
MOST_SESSIONS = 1_000
FREE_GUESSES = 3
LONGEST_WAIT_SECONDS = 60.0
MOST_ADDRESSES = 10_000


class Login:
    """The user, the open sessions and the guesses made so far. Thread-safe."""

    def __init__(
        self,
        user: str,
        password: str,
        cookie: str = "easel_session",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._user, self._password = user.encode(), password.encode()
        self._clock = clock
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._guesses: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.cookie = cookie
        """Name of the session's cookie; holds the port, so that two studios of a host do not clash."""

    def is_right(self, user: str, password: str) -> bool:
        """Whether this is the login; takes the same time however much of it is right."""
        right_user = hmac.compare_digest(user.encode("utf-8", "replace"), self._user)
        right_password = hmac.compare_digest(password.encode("utf-8", "replace"), self._password)
        return right_user and right_password

    def wait_seconds(self, address: str) -> float:
        """How long this address has to wait before its next guess; 0 when it may try now."""
        with self._lock:
            count, last = self._guesses.get(address, (0, 0.0))
        if count < FREE_GUESSES:
            return 0.0
        pause = min(LONGEST_WAIT_SECONDS, 2.0 ** min(count - FREE_GUESSES, 30))
        return max(0.0, last + pause - self._clock())

    def count_guess(self, address: str, *, right: bool) -> None:
        """Remember a wrong guess; a right one clears the record."""
        with self._lock:
            count = self._guesses.pop(address, (0, 0.0))[0]
            if right:
                return
            self._guesses[address] = (count + 1, self._clock())
            if len(self._guesses) > MOST_ADDRESSES:
                self._guesses.popitem(last=False)

    def open_session(self) -> str:
        """A new session's token, for the cookie."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[_digest(token)] = self._clock() + SESSION_SECONDS
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return token

    def close_session(self, headers: Headers) -> None:
        """End the session of this request, if it has one."""
        with self._lock:
            self._sessions.pop(_digest(self._token(headers)), None)

    def has_session(self, headers: Headers) -> bool:
        """Whether the request carries an open session's cookie."""
        with self._lock:
            return self._sessions.get(_digest(self._token(headers)), -math.inf) > self._clock()

    def _token(self, headers: Headers) -> str:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return ""
        return jar[self.cookie].value if self.cookie in jar else ""


def basic_credentials(headers: Headers) -> tuple[str, str] | None:
    """User and password of an HTTP Basic header, if there is a readable one."""
    kind, _, encoded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = decoded.partition(":")
    return user, password


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
