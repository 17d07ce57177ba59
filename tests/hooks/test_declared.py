"""What an extension uses is told without running it."""

from __future__ import annotations

from pathlib import Path

from tests.hooks.writing import write_extension
from webui.hooks.declared import declared_hooks
from webui.hooks.manifest import read_manifest


def test_its_points_are_named_in_order_and_no_code_is_run(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "book", worker="def change_picture(): ...\ndef samplers(): ...\nraise SystemExit",
        studio="from .words import change_prompts\nfrom x import y as tabs\n\ndef helper(): ...\n1 / 0",
    )  # fmt: skip
    assert declared_hooks(read_manifest(folder)) == ("tabs", "change_prompts", "change_picture")


def test_a_module_that_cannot_be_read_names_none(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "book", studio="def tabs(:", worker="def change_picture(): ..."
    )
    assert declared_hooks(read_manifest(folder)) == ("change_picture",)
