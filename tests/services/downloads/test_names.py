"""A name from elsewhere leads nowhere else."""

from __future__ import annotations

import pytest

from webui.contracts.errors import BadRequest
from webui.services.downloads.names import ending, safe_name, safe_path, stem


@pytest.mark.parametrize(
    "path",
    [
        "../a.safetensors", "a/../../b.safetensors", "/etc/a.safetensors", "a//b.safetensors", "..",
        ".hidden.safetensors", "a/.git/b.safetensors", "C:\\a.safetensors", "a\\..\\b.safetensors", "a\0.safetensors",
        "con.safetensors", "a/LPT1/b.safetensors", "a.safetensors ", "a:b.safetensors", "", "x" * 200 + ".ckpt",
        "a.py", "a.safetensors.exe", "a.zip", "a/b/c/d/e/f/g/h/i.ckpt",
    ],
)  # fmt: skip
def test_a_path_that_could_do_harm_is_refused(path: str) -> None:
    with pytest.raises(BadRequest):
        safe_path(path)


@pytest.mark.parametrize(
    "path", ["a.safetensors", "unet/model.fp16.safetensors", "Ä ö (v1.5).CKPT"]
)
def test_an_ordinary_path_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("My Model", "My Model"),
        ("../x", "--x"),
        ("a/b", "a--b"),
        ("con", "_con"),
        ("...", "unnamed"),
        ('a<b>"c', "abc"),
    ],
)
def test_any_text_becomes_a_name(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_dots_in_a_name_are_no_ending() -> None:
    assert (stem("a/v1.5-pruned.safetensors"), ending("a/v1.5-pruned.safetensors")) == (
        "v1.5-pruned",
        ".safetensors",
    )
