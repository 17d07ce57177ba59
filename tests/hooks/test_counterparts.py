"""Authors who come from AUTOMATIC1111 are told of hooks that there are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from webui.hooks.counterparts import CALLBACKS, SCRIPTS, Counterpart, table
from webui.hooks.specs import POINTS

EVERY = (*SCRIPTS, *CALLBACKS)


def test_each_hook_that_is_named_is_there() -> None:
    assert [p for row in EVERY for p in row.points if p not in POINTS] == []


def test_where_no_hook_does_it_that_is_said() -> None:
    assert [row.theirs for row in EVERY if not row.points and not row.said] == []


def test_their_methods_and_callbacks_are_each_told_of_once() -> None:
    for rows in (SCRIPTS, CALLBACKS):
        names = [name for row in rows for name in row.theirs.split(", ")]
        assert len(names) == len(set(names))
    assert "`on_cfg_denoised`" in table()


METHODS = """
title show ui run setup before_process process before_process_init_images before_process_batch
after_extra_networks_activate process_batch process_before_every_sampling before_hr on_mask_blend post_sample
postprocess_batch postprocess_batch_list postprocess_image postprocess_maskoverlay
postprocess_image_after_composite postprocess before_component after_component on_before_component
on_after_component elem_id describe section sorting_priority create_group group alwayson args_from args_to
infotext_fields paste_field_names api_info controls setup_for_ui_only is_txt2img is_img2img tabname
ScriptPostprocessing.ui name order ScriptPostprocessing.process_firstpass ScriptPostprocessing.process
ScriptPostprocessing.image_changed scripts.basedir
"""
FUNCTIONS = """
on_app_started on_before_reload on_model_loaded on_ui_tabs on_ui_train_tabs on_ui_settings on_before_image_saved
on_image_saved on_extra_noise on_cfg_denoiser on_cfg_denoised on_cfg_after_cfg on_before_component
on_after_component on_image_grid on_infotext_pasted on_script_unloaded on_before_ui on_list_optimizers
on_list_unets on_before_token_counter remove_current_script_callbacks remove_callbacks_for_function
onUiLoaded onUiUpdate onAfterUiUpdate onUiTabChange onOptionsChanged gradioApp get_uiCurrentTab
"""
"""Of `modules/scripts.py`, `modules/scripts_postprocessing.py`, `modules/script_callbacks.py` and `script.js` of version 1.10."""


@pytest.mark.parametrize(("rows", "theirs"), [(SCRIPTS, METHODS), (CALLBACKS, FUNCTIONS)])
def test_none_of_theirs_is_left_out(rows: Sequence[Counterpart], theirs: str) -> None:
    told = {name.rsplit(": ", 1)[-1] for row in rows for name in row.theirs.split(", ")}
    assert set(theirs.split()) - told == set()


def test_everything_of_theirs_is_done_by_a_point_or_is_no_matter_of_hooks() -> None:
    """Where none does it, it is a line of the manifest, what Easel makes by itself, or Python's."""
    without = [row for row in EVERY if not row.points]
    ways = ("extension.toml", "`arguments`", "Made by Easel", "Hooks go with", "access.folder")
    assert [row.theirs for row in without if not any(way in row.said for way in ways)] == []
