from __future__ import annotations

from typing import Any

import httpx
import pytest
from gradio import networking

from webui.ui.share import NoShareLink, open_share_link


def test_without_a_network_the_reason_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> Any:
        raise httpx.ConnectError("Name or service not known")

    monkeypatch.setattr(httpx, "get", offline)
    monkeypatch.setattr(networking, "GRADIO_SHARE_SERVER_ADDRESS", None)
    with pytest.raises(NoShareLink, match=r"port 7860.*Name or service not known.*local address"):
        open_share_link(7860)
