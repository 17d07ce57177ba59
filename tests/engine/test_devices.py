from __future__ import annotations

from webui.engine.devices import choose_device


def test_the_cpu_can_be_insisted_on() -> None:
    device = choose_device(cpu=True, budget_bytes=None)
    assert device.torch.type == "cpu"
    assert device.title.startswith("cpu (")
    assert device.budget_bytes > 2**28


def test_a_given_budget_is_taken() -> None:
    assert choose_device(cpu=True, budget_bytes=12345).budget_bytes == 12345
