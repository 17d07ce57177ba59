"""How Easel names files."""

from __future__ import annotations

import time

from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import JobId, PictureId
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin.file_names import picture_file_name


def test_a_name_has_the_local_day_the_time_the_seed_and_the_id() -> None:
    created = time.mktime((2026, 11, 21, 1, 44, 5, 0, 0, -1))
    request = GenerationRequest(prompt="a boat", seed=7)
    draft = PictureDraft(PictureId("Ab-_9"), JobId("j"), 0, request, created)
    assert picture_file_name(draft) == "2026-11-21/014405-7-Ab-_9"


def test_a_picture_of_a_batch_is_named_after_its_file() -> None:
    request = GenerationRequest(prompt="", seed=7, source_name="../sea side (1).jpeg")
    draft = PictureDraft(PictureId("Ab-_9"), JobId("j"), 0, request, 0.0)
    assert picture_file_name(draft).endswith("-sea-side-1-7-Ab-_9")
