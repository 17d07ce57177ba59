"""The library is in the page with the choices that its notes offer, and its modules are served."""

from __future__ import annotations

import gradio as gr

from webui.contracts.choices import SAMPLERS
from webui.contracts.download import FOLDERS
from webui.ui.library.library import LIBRARY_FOLDER, library_panel
from webui.ui.tabs import models


def test_the_panel_hands_over_what_can_be_chosen() -> None:
    with gr.Blocks():
        panel = library_panel("here")
    script = str(panel.js_on_load)
    assert "library/library.js" in script
    assert all(f'"{kind}"' in script for kind in FOLDERS)
    assert all(info.name in script for info in SAMPLERS)


def test_the_tab_is_the_panel() -> None:
    with gr.Blocks():
        assert models.build().elem_id == "ez-tab-models"


def test_every_module_that_is_imported_lies_there() -> None:
    for module in LIBRARY_FOLDER.glob("*.js"):
        for line in module.read_text("utf-8").splitlines():
            if line.startswith("import") and "'./" in line:
                assert (LIBRARY_FOLDER / line.split("'./")[1].split("'")[0]).is_file()
