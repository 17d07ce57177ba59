"""A server to fetch from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.downloads.server import Server, running_server
from webui.services.downloads.network import Web, is_any


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as made:
        yield made


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web(is_any)
    yield made
    made.close()
