"""HTTP for downloads: public addresses only, redirects followed by hand, tokens to their own site.

A link comes from a person, a redirect from a stranger. So it is not the name that is checked but the
address of the socket that was connected, at every hop; a name that resolves to something else the
second time gains nothing. Proxies of the environment are not used: behind one there is no such socket.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from webui import VERSION
from webui.contracts.errors import BadRequest, DownloadFailed, ForbiddenAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRule = Callable[[Address], bool]

MOST_REDIRECTS = 10
MOST_JSON_BYTES = 50_000_000
CONNECT_SECONDS, READ_SECONDS = 15.0, 30.0
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Dropped(Exception):
    """The connection failed in a way that may pass; another try may help. Never leaves this package."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        """`seconds`: how long the other side asked us to wait."""
        super().__init__(reason)
        self.seconds = seconds


def is_public(address: Address) -> bool:
    """Whether an address is on the open internet, an IPv4 address inside an IPv6 one included."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_any(address: Address) -> bool:  # noqa: ARG001 - the shape of a rule
    """Every address will do: for those who fetch from machines of their own."""
    return True


@dataclass(frozen=True)
class Answer:
    """The beginning of an answer; its body is read by `chunks`, once."""

    url: str
    """Where the redirects led."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    chunks: Iterable[bytes] = field(repr=False)


class Web:
    """Gets addresses. One may be used from several threads."""

    def __init__(
        self, allows: AddressRule = is_public, tokens: Mapping[str, str] | None = None
    ) -> None:
        """Nothing is connected yet.

        Args:
            allows: Says of an address whether it may be connected to.
            tokens: Origin, such as 'https://huggingface.co', to the token that it alone is sent.
        """
        self._tokens = dict(tokens or {})
        self._allows = allows
        self._pool: httpcore.ConnectionPool | None = None
        self._changing = threading.Lock()

    def _connections(self) -> httpcore.ConnectionPool:
        """Made when they are first needed: reading all certificates takes 20 ms of every start."""
        with self._changing:
            if self._pool is None:
                self._pool = httpcore.ConnectionPool(
                    ssl_context=httpx.create_ssl_context(trust_env=True),
                    network_backend=_Guarded(self._allows),
                    max_keepalive_connections=0,
                )
            return self._pool

    def close(self) -> None:
        """End all connections."""
        with self._changing:
            if self._pool is not None:
                self._pool.close()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """The answer to a GET, redirects followed.

        Raises:
            BadRequest: it is no http or https address, or leads from https to http.
            ForbiddenAddress: it leads to an address that is not allowed.
            DownloadFailed: there are too many redirects.
            Dropped: the connection failed.
        """
        try:
            with self._hops(_parsed(url), dict(headers or {})) as answer:
                yield answer
        except httpcore.TimeoutException as error:
            raise Dropped(f"{_host(url)} did not answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise Dropped(
                f"the connection to {_host(url)} failed: {error or type(error).__name__}"
            ) from error

    # Any: what a site's JSON holds is checked by whoever asked for it.
    def json(self, url: str) -> Any:
        """The JSON at an address.

        Raises:
            BadRequest, ForbiddenAddress: as for `get`.
            DownloadFailed: it is not there, is none, or is too large.
        """
        body = bytearray()
        try:
            with self.get(url, {"Accept": "application/json"}) as answer:
                raise_for_status(answer)
                for chunk in answer.chunks:
                    body += chunk
                    if len(body) > MOST_JSON_BYTES:
                        raise DownloadFailed(f"{url!r} gives more than {MOST_JSON_BYTES} bytes.")
            return json.loads(body)
        except Dropped as error:
            raise DownloadFailed(f"{url!r} could not be read: {error}. Try again later.") from error
        except (ValueError, RecursionError) as error:
            raise DownloadFailed(f"{url!r} gives no JSON: {error}.") from error

    @contextmanager
    def _hops(self, url: httpx.URL, headers: dict[str, str]) -> Iterator[Answer]:
        for _ in range(MOST_REDIRECTS + 1):
            with self._connections().stream(
                "GET",
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=list(self._headers(url, headers).items()),
                extensions={"timeout": {"connect": CONNECT_SECONDS, "read": READ_SECONDS}},
            ) as response:
                answer = _answer(url, response)
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    yield answer
                    return
                following = _parsed(str(url.join(answer.headers["location"])))
            if (url.scheme, following.scheme) == ("https", "http"):
                raise BadRequest(f"{_host(str(url))} leads from https to http, which is refused.")
            url = following
        raise DownloadFailed(f"{_host(str(url))} leads on and on: {MOST_REDIRECTS} redirects.")

    def _headers(self, url: httpx.URL, given: Mapping[str, str]) -> dict[str, str]:
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        own = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": f"easel/{VERSION}",
            "Accept-Encoding": "identity",  # a range of a compressed body is of no use
        }
        token = self._tokens.get(origin)
        return {**own, **given, **({"Authorization": f"Bearer {token}"} if token else {})}


class _Guarded(httpcore.NetworkBackend):
    """Connects to allowed addresses only, and looks at the connected socket once more."""

    def __init__(self, allows: AddressRule) -> None:
        self._allows = allows
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._resolve(host, port)  # so that a private port is not even knocked at
        stream = self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
        try:
            self._check(host, str(stream.get_extra_info("server_addr")[0]))
        except ForbiddenAddress:
            stream.close()
            raise
        return stream

    def _resolve(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host!r} cannot be found ({error})") from error
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._check(host, address)
        return addresses[0]

    def _check(self, host: str, address: str) -> None:
        if not self._allows(ipaddress.ip_address(address.partition("%")[0])):
            raise ForbiddenAddress(host, address)


def raise_for_status(answer: Answer) -> None:
    """Pass an answer on that has what was asked for.

    Raises:
        DownloadFailed: it says that this will never be had; says what may help.
        Dropped: it says that another time may do.
    """
    if answer.status < 300:
        return
    host = _host(answer.url)
    if answer.status in (408, 425, 429) or answer.status >= 500:
        wait = answer.headers.get("retry-after", "")
        raise Dropped(f"{host} answers {answer.status}", float(wait) if wait.isdigit() else 0.0)
    if answer.status in (401, 403):
        raise DownloadFailed(
            f"{host} wants to know who asks (status {answer.status}). Accept the model's terms there if it has "
            "any, and start Easel with a token in HF_TOKEN or CIVITAI_TOKEN."
        )
    gone = " There is nothing of this name, or it is private." * (answer.status in (404, 410))
    raise DownloadFailed(f"{host} answers {answer.status} for {answer.url[:200]!r}.{gone}")


def _answer(url: httpx.URL, response: httpcore.Response) -> Answer:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
    return Answer(str(url), response.status, headers, response.iter_stream())


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise BadRequest(f"{url[:200]!r} is no address: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadRequest(f"{url[:200]!r} is no address that begins with https:// or http://.")
    return parsed


def _host(url: str) -> str:
    return repr(httpx.URL(url).host[:100])
