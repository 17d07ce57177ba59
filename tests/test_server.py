"""Ports and addresses."""

from __future__ import annotations

import socket

import pytest

from webui.server import NoPort, address_of, open_socket


def test_a_busy_port_is_passed_over() -> None:
    with open_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with open_socket("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] <= port + 100


def test_an_address_that_is_not_ours_gets_a_sentence() -> None:
    with pytest.raises(NoPort, match=r"'203\.0\.113\.7'.*--listen"):
        open_socket("203.0.113.7", 7860)


def test_the_address_shown_is_one_that_a_browser_can_open() -> None:
    with open_socket("0.0.0.0", 0) as opened:
        port = opened.getsockname()[1]
        assert address_of(opened) == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port)):
            pass
