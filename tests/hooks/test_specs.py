"""Every extension point is documented, used by Easel itself or by its tests, and answered by the host."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from webui.hooks import specs
from webui.hooks.host import HookHost

_HOOKS = {
    name: f
    for name, f in vars(specs).items()
    if inspect.isfunction(f) and hasattr(f, f"{specs.PROJECT}_spec")
}


def test_the_list_is_what_we_think_it_is() -> None:
    assert set(_HOOKS) == {"picture_metadata", "picture_file_name", "job_changed"}


@pytest.mark.parametrize("name", sorted(_HOOKS))
def test_a_hook_says_its_kind_its_process_and_what_an_error_does(name: str) -> None:
    text = inspect.getdoc(_HOOKS[name]) or ""
    assert any(f"Kind: {kind}." in text for kind in ("collect", "decide", "observe"))
    assert "process" in text
    assert "error" in text.lower()


@pytest.mark.parametrize("name", sorted(_HOOKS))
def test_a_hook_is_called_by_the_host_and_has_a_test(name: str) -> None:
    assert callable(getattr(HookHost(), name))
    assert f"def {name}(" in (Path(__file__).parent / "test_host.py").read_text(encoding="utf-8")
