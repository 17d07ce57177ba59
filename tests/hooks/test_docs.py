"""The list of extension points that authors read is the list that there is."""

from __future__ import annotations

from webui.hooks.docs import README, readme
from webui.hooks.specs import POINTS


def test_the_readme_is_current_and_names_every_point() -> None:
    text = README.read_text("utf-8")
    assert text == readme(), "run: python -m webui.hooks.docs"
    assert all(f"### `{name}(" in text for name in POINTS)
