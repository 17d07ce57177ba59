"""A picture's file tells how it was made, in our words and in AUTOMATIC1111's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.services.written import png_with
from webui.contracts.conditions import ControlUse, LayoutBox, LoraUse
from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import AdapterId, ImageId, JobId, PictureId
from webui.contracts.infotext import write_infotext as infotext
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin import png_metadata
from webui.services.metadata import read_metadata

_REQUEST = GenerationRequest.model_validate(
    {"prompt": "a boat", "model": "m", "seed": 3, "steps": 9}
)


def told(source: bytes | Path) -> GenerationRequest | None:
    found = read_metadata(source)
    return None if found is None else found.request


def test_our_json_gives_the_request_exactly(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(
        png_with(
            easel=_REQUEST.model_dump_json(), parameters="other\nSteps: 1, Seed: 2, Size: 64x64"
        )
    )
    found = read_metadata(file)
    assert found is not None
    assert (found.request, found.exact) == (_REQUEST, True)


def test_conditions_and_adapters_are_in_our_json() -> None:
    whole = _REQUEST.model_copy(
        update={
            "image": "a" * 64, "mask": "b" * 64,
            "controls": (ControlUse(adapter=AdapterId("edges"), image=ImageId("c" * 64)),),
            "loras": (LoraUse(adapter=AdapterId("chalk"), weight=0.5),),
            "boxes": (LayoutBox(label="sky", left=0, top=0, right=1, bottom=0.5),),
        }
    )  # fmt: skip
    draft = PictureDraft(PictureId("p"), JobId("j"), 0, whole, 0.0)
    chunks = {chunk.keyword: chunk.text for chunk in png_metadata.picture_metadata(draft)}
    assert told(png_with(**chunks)) == whole


def test_a_parameters_text_alone_will_do() -> None:
    assert told(png_with(parameters=infotext(_REQUEST, 3, "m"))) == _REQUEST


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"prompt": 3}', '{"prompt": "x", "unknown": 1}', "[" * 100_000]
)
def test_unreadable_json_falls_back_to_the_parameters(broken: str) -> None:
    assert told(png_with(easel=broken, parameters=infotext(_REQUEST, 3, "m"))) == _REQUEST


@pytest.mark.parametrize("data", [b"", b"junk", png_with(), png_with(title="x")])
def test_what_says_nothing_gives_none(data: bytes) -> None:
    assert read_metadata(data) is None


def test_a_missing_file_gives_none(tmp_path: Path) -> None:
    assert read_metadata(tmp_path / "nowhere.png") is None


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_exif_comment_of_other_formats_is_read(kind: str, encoding: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + infotext(_REQUEST, 3, "m").encode(encoding)
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind, exif=exif)
    assert told(out.getvalue()) == _REQUEST
