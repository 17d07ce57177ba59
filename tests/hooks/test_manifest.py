"""What an `extension.toml` says, and what is refused with which sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.contracts.errors import BadExtension
from webui.hooks.manifest import read_manifest


def test_all_that_it_says_is_read(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "book", studio="", worker="", arguments="", title="Book", summary="Keeps words.",
        needs=["numpy>=2"], conflicts=["rival"], permissions=["files"],
    )  # fmt: skip
    manifest = read_manifest(folder)
    assert (manifest.name, manifest.version, manifest.title) == ("book", "1.0", "Book")
    assert (manifest.needs, manifest.conflicts) == (("numpy>=2",), ("rival",))
    assert manifest.arguments == "arguments:Model"
    assert manifest.processes == ("studio", "worker")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "../evil"}, "calls itself '../evil'; a name has at most 40"),
        ({"name": "other"}, "calls itself 'other'; its folder or entry point has the name 'book'"),
        ({"easel": ">=2"}, "is for extension points >=2; these are 1."),
        ({"easel": "new"}, "easel is 'new', expected versions"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"needs": "numpy"}, "needs is 'numpy', expected a list"),
        ({"needs": ["=="]}, "needs has '==', which is no requirement"),
        ({"arguments": "", "model": "os.system"}, "expected 'module:Model'"),
        ({"permissions": ["everything"]}, "asks for 'everything'"),
        ({"version": ""}, "lacks 'version'"),
    ],
)
def test_what_is_impossible_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    folder = write_extension(tmp_path, "book", studio="", **changes)  # type: ignore[arg-type]
    with pytest.raises(BadExtension) as caught:
        read_manifest(folder, "book")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", [b"name = ", b"\xff\xfe", b"# " + b"x" * 100_000])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: bytes) -> None:
    folder = write_extension(tmp_path, "book", studio="")
    (folder / "extension.toml").write_bytes(text)
    with pytest.raises(BadExtension, match=r"extension\.toml"):
        read_manifest(folder)


def test_an_extension_without_anything_to_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExtension, match="nothing to use"):
        read_manifest(write_extension(tmp_path, "book"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExtension, match="There is no"):
        read_manifest(tmp_path)
