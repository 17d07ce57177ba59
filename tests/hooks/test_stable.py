"""What extensions were told to rely on is there."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import Any

import pytest

from webui.hooks.stable import STABLE


@pytest.mark.parametrize("place", STABLE)
def test_each_stable_name_is_there(place: str) -> None:
    module, name = place.split(":")
    kind: Any = getattr(import_module(module), name)
    fields = {field.name for field in dataclasses.fields(kind)}
    missing = [each for each in STABLE[place] if each not in fields and not hasattr(kind, each)]
    assert missing == []
