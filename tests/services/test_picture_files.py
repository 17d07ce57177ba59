"""A picture's file in each format: its pixels, its texts, its name."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.services.conftest import Services
from webui.contracts.drafts import TextChunk
from webui.contracts.ids import JobId
from webui.contracts.job import Job, Picture
from webui.contracts.messages import PictureReady
from webui.contracts.preferences import PictureFormat, Preferences
from webui.services.gallery import Gallery
from webui.services.metadata import read_metadata, read_texts
from webui.services.picture_files import encoded, format_for

SIZE = (48, 32)
LEVELS = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


def saved(services: Services, wanted: Preferences, job: Job | None = None) -> Picture:
    services.gallery = Gallery(
        services.database, services.folder / "outputs", services.events, services.hooks,
        clock=lambda: 1.8e9, preferences=lambda: wanted,
    )  # fmt: skip
    job = job or services.submit("a boat, at sea", seed=7, model="fake/gradient")
    ready = PictureReady(job.id, 0, 7, *SIZE, LEVELS.tobytes())
    return services.gallery.save(job, ready)


@pytest.mark.parametrize(
    ("kind", "quality", "exact"), [("PNG", 50, True), ("WebP", 100, True), ("WebP", 80, False), ("JPEG", 100, False)]
)  # fmt: skip
def test_a_format_is_what_it_says(
    services: Services, kind: PictureFormat, quality: int, exact: bool
) -> None:
    picture = saved(services, Preferences(picture_format=kind, picture_quality=quality))
    file = services.gallery.path(picture.id)
    assert file.suffix == {"PNG": ".png", "WebP": ".webp", "JPEG": ".jpg"}[kind]
    with Image.open(file) as image:
        assert image.format == kind.upper()
        assert np.array_equal(np.asarray(image.convert("RGB")), LEVELS) is exact
    assert services.gallery.thumbnail(picture.id)


@pytest.mark.parametrize("kind", ["PNG", "WebP", "JPEG"])
def test_how_it_was_made_comes_back_from_each_format(
    services: Services, kind: PictureFormat
) -> None:
    picture = saved(services, Preferences(picture_format=kind))
    told = read_metadata(services.gallery.path(picture.id))
    assert told is not None
    assert (told.request.prompt, told.request.seed) == ("a boat, at sea", 7)
    assert told.exact


@pytest.mark.parametrize("kind", ["PNG", "WebP", "JPEG"])
@pytest.mark.parametrize(
    "length", [40_000, 200_000]
)  # more than a piece of JPEG as UTF-16, and as it is
def test_a_request_of_any_length_comes_back_from_each_format(
    kind: PictureFormat, length: int
) -> None:
    long = "a boat, ünd " * (length // 12)
    texts = [TextChunk("parameters", long), TextChunk("easel", json.dumps({"prompt": long}))]
    file = encoded(LEVELS.tobytes(), SIZE, texts, kind, 90)
    assert read_texts(file) == {"parameters": long, "easel": json.dumps({"prompt": long})}


@pytest.mark.parametrize("kind", ["WebP", "JPEG"])
def test_damaged_texts_are_as_none(kind: PictureFormat) -> None:
    file = encoded(LEVELS.tobytes(), SIZE, [TextChunk("easel", "{}")], kind, 90)
    assert read_texts(file) == {"easel": "{}"}
    assert read_texts(file.replace(b'{"easel"', b'["easel"')) == {}


def test_other_programs_read_the_parameters_of_a_jpeg_in_its_comment() -> None:
    file = encoded(LEVELS.tobytes(), SIZE, [TextChunk("parameters", "a boat")], "JPEG", 90)
    with Image.open(io.BytesIO(file)) as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\0" + "a boat".encode("utf-16-be")


def test_without_metadata_the_file_says_nothing_and_the_gallery_all(services: Services) -> None:
    picture = saved(services, Preferences(picture_metadata=False))
    assert read_texts(services.gallery.path(picture.id)) == {}
    assert services.gallery.request_of(picture.id).prompt == "a boat, at sea"
    assert "Seed: 7" in services.gallery.infotext_of(picture.id)


def test_files_are_named_by_the_pattern_and_never_twice_alike(services: Services) -> None:
    wanted = Preferences(file_name_pattern="[model_name]/[prompt_words] [steps]x[cfg]-[seed]")
    first, second = (saved(services, wanted) for _ in range(2))
    assert first.file == "gradient/a-boat-at-sea 20x5-7.png"
    assert second.file == f"gradient/a-boat-at-sea 20x5-7-{second.id}.png"
    services.gallery.delete(first.id)
    third = saved(services, wanted)
    assert third.file != first.file  # it would lie in the other's way back
    assert services.gallery.restore(first.id).file == first.file


def test_a_pattern_that_comes_to_nothing_or_too_much_gives_the_id(services: Services) -> None:
    nothing = saved(services, Preferences(file_name_pattern="[source]"))
    assert nothing.file == f"{nothing.id}.png"
    long = saved(services, Preferences(file_name_pattern="/".join(["ш" * 65] * 3)))
    assert long.file == f"{long.id}.png"


def test_a_picture_that_a_format_cannot_hold_is_a_png() -> None:
    assert [format_for(kind, (20000, 8)) for kind in ("WebP", "JPEG", "PNG")] == ["PNG", "JPEG", "PNG"]  # fmt: skip
    assert format_for("WebP", (16383, 8)) == "WebP"


def test_the_id_of_another_job_is_no_concern(services: Services, tmp_path: Path) -> None:
    job = services.submit()
    picture = saved(services, Preferences(picture_format="JPEG"), job)
    again = saved(services, Preferences(), replace(job))
    assert again == picture  # what is stored stays as it was stored
    assert JobId(again.job_id) == job.id
