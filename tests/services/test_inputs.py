"""Folders of pictures on the machine are listed in order, and nothing outside of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.contracts.errors import BadRequest
from webui.services.inputs import InputFolders, read_picture_file


def folder(tmp_path: Path, *names: str) -> InputFolders:
    (tmp_path / "inputs" / "day").mkdir(parents=True)
    for name in names:
        (tmp_path / "inputs" / "day" / name).write_bytes(b"x")
    return InputFolders(tmp_path / "inputs")


def test_pictures_are_in_the_order_that_people_count_in(tmp_path: Path) -> None:
    found = folder(tmp_path, "p10.png", "p2.PNG", "notes.txt", "a.jpg").files("day")
    assert [file.name for file in found] == ["a.jpg", "p2.PNG", "p10.png"]


@pytest.mark.parametrize("name", ["..", "../inputs/../..", "/etc", "elsewhere"])
def test_a_folder_that_is_not_in_inputs_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="There is no folder"):
        folder(tmp_path, "a.png").files(name)


def test_a_link_that_leads_out_is_left_out(tmp_path: Path) -> None:
    folders = folder(tmp_path, "a.png")
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "inputs" / "day" / "b.png").symlink_to(tmp_path / "secret.png")
    assert [file.name for file in folders.files("day")] == ["a.png"]


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="has no pictures"):
        folder(tmp_path, "a.txt").files("day")


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        read_picture_file(tmp_path / "gone.png")
