"""The guard stands before every route: ours, the page's, streams, websockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from tests.api.conftest import ORIGIN
from webui.api.guard import SECURITY_HEADERS, Guard
from webui.api.hosts import served_hosts
from webui.api.login import Login

OURS = {"host": "127.0.0.1:7860", "origin": ORIGIN}
BROWSER = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}


async def served(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for everything behind the guard: reads the whole body, answers its length."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def guarded(login: Login | None = None, bound: str = "127.0.0.1", port: int = 7860) -> TestClient:
    guard = Guard(served, served_hosts(bound, ("studio.example",)), login)
    return TestClient(guard, base_url=f"http://127.0.0.1:{port}")


@pytest.fixture
def client() -> TestClient:
    return guarded()


@pytest.mark.parametrize(
    "host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "STUDIO.example.", "studio.example"]
)
def test_a_request_to_a_name_of_ours_is_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:7860", "127.0.0.1.evil.com", "localhost.evil.com", "10.1.2.3"]
)
def test_a_rebound_name_is_refused_with_a_sentence(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["error"]


@pytest.mark.parametrize("host", ["", "a:b", "127.0.0.1:80:80x"])
def test_a_malformed_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.com",
        "http://127.0.0.1:8188",
        "http://localhost:7860",
        "file://",
        "http://[bad",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_foreign_page_is_refused(client: TestClient, origin: str, method: str) -> None:
    assert (
        client.request(method, "/gradio_api/upload", headers={"origin": origin}).status_code == 403
    )


def test_a_page_of_ours_may_change_things(client: TestClient) -> None:
    assert client.post("/", headers={"origin": ORIGIN, **BROWSER}, content=b"abc").text == "3"


def test_a_proxy_may_have_ended_tls_before_us(client: TestClient) -> None:
    headers = {"host": "studio.example", "origin": "https://studio.example"}
    assert client.post("/", headers=headers).status_code == 200


def test_a_program_that_is_no_browser_needs_no_origin(client: TestClient) -> None:
    assert client.post("/").status_code == 200


@pytest.mark.parametrize("extra", [{"cookie": "a=b"}, {"sec-fetch-site": "none"}, BROWSER])
def test_a_browser_without_an_origin_may_not_change_things(
    client: TestClient, extra: dict[str, str]
) -> None:
    assert client.post("/", headers=extra).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_cannot_embed_but_may_link(client: TestClient, site: str) -> None:
    embedding = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    linking = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=embedding).status_code == 403
    assert client.get("/", headers=linking).status_code == 200


@pytest.mark.parametrize(
    ("path", "limit"), [("/api/v1/jobs", 1_000_000), ("/api/v1/images", 80_000_000)]
)
def test_a_body_that_is_announced_too_large_is_not_read(
    client: TestClient, path: str, limit: int
) -> None:
    answer = client.post(path, headers={"content-length": str(limit + 1)}, content=b"")
    assert answer.status_code == 413
    assert "larger than" in answer.json()["error"]


def test_a_body_that_grows_too_large_is_cut_off(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 50_000

    answer = client.post("/api/v1/jobs", content=pieces())
    assert answer.status_code == 413


def test_answers_carry_the_security_headers(client: TestClient) -> None:
    answer = client.get("/")
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_refusals_carry_the_security_headers(client: TestClient) -> None:
    answer = client.get("/", headers={"host": "evil.com"})
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.com"}, {"host": "evil.com"}, {"origin": "null"}]
)
def test_a_websocket_of_a_foreign_page_is_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/queue", headers={**OURS, **headers}),
    ):
        pass


def test_a_websocket_needs_the_login(client: TestClient) -> None:
    del client
    locked = guarded(Login("ann", "secret"))
    with pytest.raises(WebSocketDisconnect), locked.websocket_connect("/queue", headers=OURS):
        pass


def test_a_websocket_of_ours_opens(client: TestClient) -> None:
    with client.websocket_connect("/queue", headers=OURS) as socket:
        assert socket is not None


def test_a_share_links_name_is_allowed_later() -> None:
    hosts = served_hosts("127.0.0.1", ())
    client = TestClient(Guard(served, hosts, None), base_url="http://abc.gradio.live")
    assert client.get("/").status_code == 421
    hosts.allow("ABC.gradio.live")
    assert client.get("/").status_code == 200
