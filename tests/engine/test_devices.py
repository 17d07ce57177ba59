from __future__ import annotations

import pytest
import torch

from webui.engine.devices import choose_device


def test_the_cpu_can_be_insisted_on() -> None:
    device = choose_device(cpu=True, budget_bytes=None)
    assert device.torch.type == "cpu"
    assert device.title.startswith("cpu (")
    assert device.budget_bytes > 2**28


def test_a_given_budget_is_taken() -> None:
    assert choose_device(cpu=True, budget_bytes=12345).budget_bytes == 12345


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU that works")
def test_a_gpu_that_is_seen_and_cannot_be_used_is_no_end_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a driver that is too old: torch says that there is one, and fails at its first use."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    device = choose_device(cpu=False, budget_bytes=12345)
    assert (device.torch.type, device.budget_bytes) == ("cpu", 12345)
    assert "as the GPU cannot be used: Torch not compiled with CUDA" in device.title
