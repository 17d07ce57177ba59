"""Every form has a place for extensions, and the page's modules for them lie where they are asked for."""

from __future__ import annotations

import re

import gradio as gr

from webui.contracts.page import DRAWING_TABS
from webui.ui.build import ASSETS_FOLDER, TABS, WORK
from webui.ui.extensions.extensions import EXTENSIONS_FOLDER, extensions_panel
from webui.ui.tabs import extensions


def test_the_tabs_that_extensions_may_name_are_those_with_a_form() -> None:
    assert tuple(tab.NAME for tab in WORK) == DRAWING_TABS
    assert "extensions" in TABS


def test_a_form_has_a_part_for_them() -> None:
    with gr.Blocks():
        (part,) = extensions_panel("txt2img").values()
        assert (part.elem_id, part.value) == ("txt2img-extensions", None)
        assert extensions.build().elem_id == "ez-tab-extensions"


def test_every_module_that_is_imported_lies_there() -> None:
    modules = [*EXTENSIONS_FOLDER.glob("*.js"), ASSETS_FOLDER / "extension.js"]
    for module in modules:
        for path in re.findall(r"from '(\.\.?/[^']+)'", module.read_text("utf-8")):
            folder = ASSETS_FOLDER if path.startswith("../") else module.parent
            assert (folder / path.split("/", 1)[1]).is_file(), (module.name, path)
