"""What a link may reach, and what it is sent."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from tests.services.downloads.server import Server
from webui.contracts.errors import BadRequest, DownloadFailed, ForbiddenAddress
from webui.services.downloads.network import MOST_REDIRECTS, Dropped, Web, is_any, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
        "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_private_server_is_never_asked(server: Server) -> None:
    server.put("/secret", b"x")
    web = Web()
    with (
        pytest.raises(ForbiddenAddress, match="no public address"),
        web.get(server.address + "/secret"),
    ):
        pass
    web.close()
    assert server.asked == []


def test_a_studio_that_loads_nothing_reads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx.create_ssl_context", lambda **_: pytest.fail("they were read"))
    Web().close()


def test_it_is_the_connected_socket_that_counts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is looked up and private when it is connected to."""
    server.put("/secret", b"x")
    port = int(server.address.rsplit(":", 1)[1])
    answers = iter(["1.1.1.1", "127.0.0.1"])

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    web = Web()
    with (
        pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.1"),
        web.get(f"http://rebound.example:{port}/secret"),
    ):
        pass
    web.close()
    assert server.asked == []


def test_a_redirect_to_a_private_address_is_refused_too(server: Server) -> None:
    server.put("/out", b"", status=302, headers={"Location": "http://127.0.0.2:1/"})
    web = Web(lambda address: str(address) == "127.0.0.1")
    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.2"), web.get(server.address + "/out"):
        pass
    web.close()


def test_a_redirect_is_followed_and_a_ring_of_them_ends(server: Server, web: Web) -> None:
    server.put("/a", b"", status=307, headers={"Location": "/b"})
    server.put("/b", b"here")
    server.put("/ring", b"", status=302, headers={"Location": "/ring"})
    with web.get(server.address + "/a") as answer:
        assert (answer.url, b"".join(answer.chunks)) == (server.address + "/b", b"here")
    with pytest.raises(DownloadFailed, match="redirects"), web.get(server.address + "/ring"):
        pass
    assert len(server.ranges("/ring")) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "gopher://x", "nonsense", "http://"]
)
def test_other_addresses_than_http_are_refused(web: Web, url: str) -> None:
    with pytest.raises(BadRequest), web.get(url):
        pass


def test_a_redirect_to_a_file_is_refused(server: Server, web: Web) -> None:
    server.put("/a", b"", status=302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(BadRequest, match="https"), web.get(server.address + "/a"):
        pass


def test_a_token_goes_to_its_own_site_alone(server: Server) -> None:
    other = server.address.replace("127.0.0.1", "localhost")
    server.put("/a", b"", status=302, headers={"Location": other + "/b"})
    server.put("/b", b"here")
    web = Web(is_any, {server.address: "secret"})
    with web.get(server.address + "/a") as answer:
        assert b"".join(answer.chunks) == b"here"
    web.close()
    sent = [headers.get("authorization") for _, headers in server.asked]
    assert sent == ["Bearer secret", None]


def test_nobody_there_is_a_drop(web: Web) -> None:
    with pytest.raises(Dropped, match="connection"), web.get("http://127.0.0.1:9/"):
        pass


def test_json_is_read_and_what_is_none_is_said(server: Server, web: Web) -> None:
    server.put_json("/good", {"a": [1]})
    server.put("/bad", b"<html>")
    assert web.json(server.address + "/good") == {"a": [1]}
    with pytest.raises(DownloadFailed, match="no JSON"):
        web.json(server.address + "/bad")
    with pytest.raises(DownloadFailed, match="answers 404"):
        web.json(server.address + "/none")


def test_a_proxy_of_the_environment_is_not_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one the address that is connected to would be the proxy's, and every other one allowed."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, server.address)
        monkeypatch.setenv(name.upper(), server.address)
    port = int(server.address.rsplit(":", 1)[1])
    web = Web(is_any)
    with pytest.raises(Dropped), web.get("http://127.0.0.1:9/secret"):
        pass
    assert server.asked == []
    server.put("/here", b"direct")
    with web.get(f"http://127.0.0.1:{port}/here") as answer:
        assert b"".join(answer.chunks) == b"direct"
    web.close()
